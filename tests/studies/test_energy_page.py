"""docs/energy.md is what its generator writes, and says what was derived by hand."""

import pytest

import memsim
from memsim.studies.commands import energy_page
from memsim.studies.reports.break_even import RATES, break_even
from memsim.studies.reports.energy_findings import BASELINES


def test_the_committed_page_is_the_generated_one():
    assert (energy_page.DOCS / "energy.md").read_text("utf-8") == energy_page.text()


def test_the_papers_claim():
    """14.6 % (without attention), 14.1 % with the encoder in every step; 1.35 % of operations."""
    card = memsim.ChipCard.load("default")
    claim = energy_page._claim(energy_page.balances(card)["s2tdpt-4-384"])
    assert (claim["rate_matrices"], claim["rate_held"], claim["share"]) == ("14.6 %", "14.1 %", "1.35 %")
    assert (claim["dense"], claim["encoder"], claim["saved"]) == ("921.5", "6.10 µJ", "38 %")
    assert claim["images"] == "250,000"


@pytest.mark.parametrize("network", ["s2tdpt-4-384", "s2tdpt-digits"])
def test_the_figure_crosses_where_the_closed_form_does(network):
    """Both curves of a baseline pass today's price at the very spike rate that breaks even."""
    balance = energy_page.balances(memsim.ChipCard.load("default"))[network]
    figure = break_even(balance, network)
    for ax, event in zip(figure.axes, ("pulse-", "adc-"), strict=False):
        lines = {line.get_label(): line for line in ax.get_lines()}
        (rate,), (price,) = lines["this network and card"].get_data()
        assert (rate, price) == pytest.approx((100 * balance.rate, balance.price(event)))
        for key, baseline in BASELINES.items():
            name = key.removeprefix("digital_")
            even = balance.even_rate(name)
            if even is None or even < RATES[0]:
                continue
            above = lines[baseline.short].get_ydata() > price  # the side where crossbars win
            crossing = [i for i in range(1, len(RATES)) if above[i] != above[i - 1]]
            assert any(RATES[i - 1] <= even <= RATES[i] for i in crossing), (event, name)


def test_the_pictures_are_there_and_axes_have_units():
    balance = energy_page.balances(memsim.ChipCard.load("default"))["s2tdpt-digits"]
    labels = [
        text for ax in break_even(balance, "x").axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text
    ]
    assert all("[" in text for text in labels)
    for name in ("s2tdpt-4-384", "s2tdpt-digits"):
        assert (energy_page.DOCS / "pictures" / f"break-even-{name}.png").is_file()
