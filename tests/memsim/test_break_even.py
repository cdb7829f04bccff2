"""Break-even: at every crossing both sides cost the same, and on either side of it the right one wins."""

import pytest

from memsim import ChipCard, Technology
from memsim.energy import estimate
from memsim.energy.baselines import BASELINES
from memsim.energy.break_even import Balance
from memsim.models.networks import s2tdpt_counts as counts
from memsim.models.registry import configure
from memsim.studies.reports import energy_findings
from memsim.studies.reports.break_even import break_even

CARD = ChipCard.load("default")


def balance(network: str, rate: float) -> Balance:
    works = counts.works(configure(network), rate)
    held = estimate.Held(pulses=7.0, weight=6e-6, attention=40e-6)
    return Balance(lines=estimate.crossbar(works, CARD, held), works=works, card=CARD)


DIGITS, PAPER = balance("s2tdpt-digits", 0.24), balance("s2tdpt-4-384", 0.146)


@pytest.mark.parametrize("one", [DIGITS, PAPER], ids=["digits", "paper"])
@pytest.mark.parametrize("name", BASELINES)
class TestCrossings:
    def test_pulse(self, one, name):
        pulse = one.even_pulse(name, one.rate)
        assert one.crossbar(name, one.rate, pulse=pulse) == pytest.approx(
            one.digital(name, one.rate), rel=1e-9
        )

    def test_conversion(self, one, name):
        joule = one.even_conversion(name, one.rate)
        found = one.crossbar(name, one.rate, conversion=joule)
        assert found == pytest.approx(one.digital(name, one.rate), rel=1e-9)

    def test_rate(self, one, name):
        rate = one.even_rate(name)
        gaps = [one.digital(name, r) - one.crossbar(name, r) for r in (0.0, 1.0)]
        assert (rate is None) == (gaps[0] * gaps[1] > 0)
        if rate is not None:
            assert one.crossbar(name, rate) == pytest.approx(one.digital(name, rate), rel=1e-6)
            assert one.digital(name, 0.5 * rate) < one.crossbar(name, 0.5 * rate) or gaps[0] > 0

    def test_bits(self, one, name):
        limit, energy = one.even_conversion(name, one.rate), one.converter.energy
        bits = one.even_bits(name, one.rate)
        if bits is None:
            assert limit < energy[min(energy)]
        elif bits < max(energy):
            assert one.converter.price(bits).energy == pytest.approx(limit, rel=1e-6)
        else:
            assert limit >= energy[max(energy)]


def test_todays_prices_are_todays_energy():
    for name in ("sop", "dense"):
        today = DIGITS.crossbar(name, DIGITS.rate)
        same = DIGITS.crossbar(name, DIGITS.rate, DIGITS.price("pulse-"), DIGITS.price("adc-"))
        assert same == pytest.approx(today, rel=1e-12)
    assert DIGITS.price("pulse-") == pytest.approx(2.56e-12)
    assert DIGITS.price("adc-") == pytest.approx(2.605e-12, rel=1e-3)  # 1.67 pJ at 32 nm


def test_without_pulses_none_can_break_even_and_without_conversions_nothing_can():
    lines = [line for line in DIGITS.lines if not line.event.startswith("pulse-")]
    one = Balance(lines=lines, works=DIGITS.works, card=CARD)
    assert one.even_pulse("lut", one.rate) != one.even_pulse("lut", one.rate)  # NaN
    assert one.even_conversion("lut", one.rate) > 0
    assert len(list(energy_findings.break_even(one))) == len(BASELINES)
    assert break_even(one, "no pulses").axes[0].get_title(loc="left") == "no pulses"
    with pytest.raises(ValueError, match="is every layer digital"):
        Balance(lines=[], works=DIGITS.works, card=CARD)


def test_crossbars_pay_for_memory_where_the_baseline_does():
    assert DIGITS.crossbar("dense", DIGITS.rate) > DIGITS.crossbar("lut", DIGITS.rate)


def test_against_the_same_work_in_integers_digital_wins_at_the_papers_rate():
    """Not even pulses for nothing help, nor converters at a fiftieth; a rate of 43 % would."""
    assert PAPER.even_pulse("lut", PAPER.rate) < 0
    assert PAPER.even_rate("lut") == pytest.approx(0.428, abs=0.01)
    assert 0 < PAPER.even_conversion("lut", PAPER.rate) / PAPER.price("adc-") < 0.02
    assert PAPER.even_bits("lut", PAPER.rate) is None
    survey = Technology.load("45nm").adc["survey"]
    assert PAPER.even_bits("dense", PAPER.rate, survey) > 10


class TestBand:
    """Each crossing at both ends of the band, and what is decided there."""

    def test_the_ends_are_balances_whose_crossings_differ(self):
        low, high = PAPER.ends
        assert low.price("adc-") == PAPER.price("adc-") < high.price("adc-")
        assert low.even_pulse("dense", low.rate) > 0 > high.even_pulse("dense", high.rate)
        same = low.even_conversion("dense", low.rate)  # does not depend on today's price
        assert high.even_conversion("dense", high.rate) == pytest.approx(same, rel=1e-9)

    def test_verdicts(self):
        """At 45 nm a chip's column takes 370 pJ: what wins only with converters of 2.6 pJ is not decided."""
        assert {name: PAPER.verdict(name) for name in BASELINES} == {
            "sop": "not decided", "sop_integer": "digital", "lut": "digital", "memory": "crossbars",
            "dense": "not decided", "dram": "not decided", "qnn": "digital",
        }  # fmt: skip
        for name in BASELINES:
            band, digital = PAPER.band(name), PAPER.digital(name, PAPER.rate)
            assert PAPER.verdict(name) == band.against(digital)
            assert band.low == pytest.approx(PAPER.crossbar(name, PAPER.rate))
