"""A device card is a cell, or it is refused by the field that is wrong."""

import math
from dataclasses import fields, is_dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memsim import devices
from memsim.devices import CardError
from memsim.devices.card_cell import card_of, cell_of
from memsim.devices.device_card import DeviceCard, PulsedSection, WeightSection, toml
from memsim.devices.numerics.stream import stream
from tests.statistics import assert_mean, assert_std

ABOUT = {"name": "reram-mine", "technology": "ReRAM", "source": "my lab, wafer 7"}
PULSED = {
    "law": "soft-bounds", "n_max": 32, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
    "step_down [S]": 1.0e-6, "step_spread": 0.2, "asymmetry_spread": 0.05, "g_max_spread [S]": 4e-6,
    "g_min_spread [S]": 1e-6, "cycle_noise": 0.3, "write_noise [S]": 0.3e-6, "reset [S]": 25e-6,
    "reset_noise [S]": 0.5e-6,
}  # fmt: skip
WEIGHT = {
    "g_max [S]": 30e-6, "programming [S]": [0.3e-6, 1e-6], "drift_exponent": 0.06,
    "drift_exponent_spread": 0.015, "t_0 [s]": 20.0, "flicker_noise": 0.01, "read_noise": 0.01,
}  # fmt: skip


def pulsed(**changes):
    return ABOUT | {"pulsed": PULSED | changes}


def weight(**changes):
    return ABOUT | {"weight": WEIGHT | changes}


def siemens(cell, w):
    middle, unit = cell.conductances
    return middle + unit * w.double()


def test_a_pulsed_card_means_what_it_says():
    """Reset, first step up and down from g_mid, their spread, and the noise of a write, in siemens."""
    n = 200_000
    cell = devices.get(pulsed()).without("device-spread", "write-noise", "reset-noise")
    fabric, one = cell.fabricate((n,), rng=stream(0, "f")), torch.ones(1, 1, n)

    def seen(of, pulses):
        return siemens(of, of.rewrite(fabric, pulses * one, rng=stream(0, "w"), image=None, step=None))

    assert_mean(seen(cell, 0) - 25e-6, 0.0, sigma=1e-9)
    assert_mean(seen(cell, 1) - 25e-6, 1.2e-6)
    assert_mean(25e-6 - seen(cell, -1), 1.0e-6)
    assert_std(seen(cell, 1), 0.3 * 1.2e-6)
    assert_std(seen(devices.get(pulsed()).only("write-noise"), 0), 0.3e-6)
    quiet = cell.without("cycle-noise")
    assert_mean(seen(quiet, 3), 45e-6 - 20e-6 * (1 - 1.2 / 20) ** 3, sigma=1e-9)
    spread = devices.get(pulsed()).fabricate((n,), rng=stream(0, "d"))
    assert_std(spread["max_bound"] * 20e-6, 4e-6)
    assert_std((spread["dwmin_up"] + spread["dwmin_down"]).double() * 10e-6, 0.2 * 1.2e-6)
    with pytest.raises(AssertionError):
        assert_mean(1.03 * (seen(cell, 1) - 25e-6), 1.2e-6)


def test_linear_and_constant_laws():
    nonlinear = {"nonlinearity_up": 0.5, "nonlinearity_down": 0.25}
    for law, k in (("linear", (0.5, 0.25)), ("constant", (0.0, 0.0))):
        cell = devices.get(pulsed(law=law, **(nonlinear if law == "linear" else {}))).only()
        fabric = cell.fabricate((1,), rng=stream(0))

        def at(n, cell=cell, fabric=fabric):
            pulses = torch.full((1, 1, 1), float(n))
            return float(siemens(cell, cell.rewrite(fabric, pulses, rng=stream(0), image=None, step=None)))

        second = at(2) - at(1)
        assert second == pytest.approx(1.2e-6 * (1 - k[0] * 1.2 / 20), rel=1e-4)
        assert at(-1) - at(-2) == pytest.approx(1.0e-6 * (1 - k[1] * 1.0 / 20), rel=1e-4)


def test_a_weight_card_means_what_it_says():
    cell, n = devices.get(weight()), 100_000
    target = torch.full((n,), 15e-6, dtype=torch.float64)
    alone = cell.only("programming")
    assert_std(alone.read(alone.write(target, rng=stream(0))), 0.3e-6 + 0.5 * 1e-6)
    drifts = cell.only("drift")
    state = drifts.write(target, rng=stream(0))
    assert_mean(state.exponent, 0.06, floor=1e-6)
    assert_std(state.exponent, 0.015, rel=1e-3)
    later = drifts.read(drifts.relax(state, 1e5))
    assert torch.allclose(later, target * (1 + 1e5 / 20.0) ** -state.exponent, rtol=1e-6)
    assert cell.read_noise == 0.01
    relaxing = devices.get(weight(**{"relaxation [S]": -1e-7, "relaxation_spread [S]": 2e-8})).only(
        "relaxation"
    )
    moved = relaxing.read(relaxing.relax(relaxing.write(target, rng=stream(0)), math.e**10)) - target
    assert_mean(moved, -1e-6)
    assert_std(moved, 2e-7)


def test_a_card_is_the_same_after_a_file(tmp_path):
    for content in (pulsed(**{"pulse_voltage [V]": 1.5, "pulse_time [s]": 1e-7}), weight()):
        card = DeviceCard.parse(content | {"endurance [cycles]": 1e8})
        path = tmp_path / "mine.toml"
        path.write_text(toml(card, {"g_max [S]": "95 %: a to b"}), encoding="utf-8")
        assert DeviceCard.load(path) == card and "# 95 %: a to b" in path.read_text("utf-8")
        assert devices.get(path) is devices.get(str(path)) is devices.get(card)
        assert devices.get(card).endurance_range.low == 1e8


def same(one, other):
    """Whether two numbers, tuples or dataclasses agree to rounding."""
    if is_dataclass(one):
        return all(
            same(getattr(one, f.name), getattr(other, f.name))
            for f in fields(one)
            if f.name != "conductances"
        )
    return one == pytest.approx(other, rel=1e-9, abs=1e-12) if isinstance(one, float) else one == other


def test_presets_with_a_law_of_cards_are_the_same_after_one():
    """The others say why not."""
    written = []
    for name in devices.names():
        cell = devices.get(name)
        try:
            card = card_of(cell, (20e-6, 10e-6))
        except devices.Unsupported as reason:
            assert name in str(reason)
            continue
        again = cell_of(DeviceCard.parse(card.fields()))
        assert same(cell, again) and again.conductances == pytest.approx((20e-6, 10e-6))
        assert not same(cell, cell_of(DeviceCard.parse(card.fields() | {"source": "another one"})))
        written.append(name)
        with pytest.raises(devices.Unsupported, match="no conductances: give g_mid"):
            card_of(cell)
    assert {"ecram-li", "reram-om"} <= set(written)


BAD = {
    "microsiemens": (pulsed(**{"g_max [S]": 45.0}), ["pulsed.g_max [S]", "45.0", "less than 0.01", "micro"]),
    "divided twice": (weight(**{"g_max [S]": 45e-12}), ["weight.g_max [S]", "4.5e-11", "divided twice"]),
    "text": (pulsed(n_max="32"), ["pulsed.n_max", "'32'", "not text"]),
    "text in a list": (weight(**{"programming [S]": ["3e-7"]}), ["programming [S]", "not text"]),
    "true": (weight(drift_exponent=True), ["weight.drift_exponent", "True", "a number"]),
    "NaN": (pulsed(cycle_noise=math.nan), ["pulsed.cycle_noise", "nan", "finite"]),
    "exchanged": (pulsed(**{"g_min [S]": 50e-6}), ["g_min [S]", "5e-05", "g_max [S]", "exchanged"]),
    "weights exchanged": (weight(**{"g_min [S]": 50e-6}), ["g_min [S]", "5e-05", "exchanged"]),
    "unknown key": (pulsed(**{"step_upp [S]": 1e-6}), ["step_upp [S]", "did you mean 'step_up [S]'"]),
    "no unit": (pulsed(step_upwards=1e-6), ["unknown key", "step_upwards", "step_up [S]"]),
    "steps": (pulsed(**{"step_up [S]": 1e-3}), ["step_up [S]", "0.001", "4e-05"]),
    "negative step": (pulsed(**{"step_down [S]": -1e-6}), ["pulsed.step_down [S]", "greater than 0"]),
    "reset": (pulsed(**{"reset [S]": 1e-6}), ["reset [S]", "1e-06", "5e-06 to 4.5e-05"]),
    "middle": (pulsed(**{"g_mid [S]": 46e-6}), ["g_mid [S]", "4.6e-05"]),
    "law": (pulsed(law="soft"), ["pulsed.law", "'soft'", "soft-bounds"]),
    "linear": (pulsed(law="linear"), ["nonlinearity_up", "required", "linear"]),
    "not linear": (pulsed(nonlinearity_up=0.5), ["nonlinearity_up", "soft-bounds"]),
    "wide": (pulsed(**{"g_max_spread [S]": 1e-3}), ["g_max_spread [S]", "0.001", "range"]),
    "voltage": (pulsed(**{"pulse_voltage [V]": 1500.0}), ["pulse_voltage [V]", "1500"]),
    "time": (pulsed(**{"pulse_time [s]": 50.0}), ["pulse_time [s]", "nanos"]),
    "polynomial": (weight(**{"programming [S]": [0.3, 1.0]}), ["programming [S]", "microsiemens"]),
    "falling spread": (weight(**{"programming [S]": [1e-6, -2e-6]}), ["programming [S]", "0 to g_max"]),
    "drift": (weight(drift_exponent=-0.1), ["drift_exponent", "-0.1"]),
    "endurance": (pulsed() | {"endurance [cycles]": 0}, ["endurance [cycles]", "greater than or equal to 1"]),
    "source": (ABOUT | {"source": "?", "weight": WEIGHT}, ["source", "at least 8"]),
    "missing": ({"name": "x", "source": "my lab, wafer 7", "weight": WEIGHT}, ["technology", "required"]),
    "no table": (ABOUT, ["[pulsed] or [weight]"]),
    "two tables": (pulsed() | {"weight": WEIGHT}, ["[pulsed] or [weight]"]),
    "constant noise": (pulsed(cycle_noise_law="additive"), ["cycle_noise_law", "additive"]),
    "reference": (pulsed(**{"reference_spread [S]": 1e-6}), ["reference_spread [S]", "cycle_noise_law"]),
}  # fmt: skip


@pytest.mark.parametrize("slip", BAD)
def test_a_bad_card_is_refused_by_name(slip):
    content, words = BAD[slip]
    with pytest.raises(CardError) as refusal:
        DeviceCard.parse(content, origin="mine.toml")
    for word in ("mine.toml", *words):
        assert word in str(refusal.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(CardError, match="cannot read device card"):
        devices.get(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[pulsed\n", encoding="utf-8")
    with pytest.raises(CardError, match="not valid TOML"):
        devices.get(tmp_path / "bad.toml")


WILD = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -1.0, 1e3, 25.0, "much", None, 1e-13]),
)


def known(section):
    return [info.alias or name for name, info in section.model_fields.items()]


def mild(section, content):
    """Numbers of a card, each changed by a factor: most are cards; WILD makes those that are not."""
    numbers = {key: value for key, value in content.items() if isinstance(value, float)}
    return st.fixed_dictionaries(
        {key: st.floats(0.5, 1.5).map(lambda f, v=v: f * v) for key, v in numbers.items()}
    )


def built(content):
    """The cell, None where the card is refused; a refusal names a field."""
    try:
        return devices.get(DeviceCard.parse(content))
    except CardError as refusal:
        fields = {*known(PulsedSection), *known(WeightSection), *known(DeviceCard)}
        assert any(field in str(refusal) for field in fields)
        return None


@settings(max_examples=150)
@given(
    mild(PulsedSection, PULSED), st.sampled_from(known(PulsedSection)), WILD, st.booleans(), st.integers(0, 9)
)
def test_a_pulsed_card_that_validates_stays_in_range(changes, key, value, wild, seed):
    """Finite, within its devices' own bounds, whatever the pulses."""
    cell = built(pulsed(**(changes | ({key: value} if wild else {}))))
    if cell is None:
        return
    assert all(math.isfinite(x) for x in (cell.describe().states, *cell.conductances))
    assert (cell.pulse_voltage or 1.0) > 0 and (cell.pulse_time or 1.0) > 0
    fabric = cell.fabricate((50,), rng=stream(seed, "f"))
    pulses = torch.randint(-64, 65, (1, 4, 50), generator=torch.Generator().manual_seed(seed)).float()
    quiet = cell.without(*({"write-noise"} & set(cell.effects)))
    w, noisy = (
        one.rewrite(fabric, pulses, rng=stream(seed), image=None, step=range(4)) for one in (quiet, cell)
    )
    assert bool(noisy.isfinite().all())
    low, high = fabric["min_bound"][None, None], fabric["max_bound"][None, None]
    reference = fabric.values.get("reference", torch.zeros(()))
    room = 1e-5 * (high - low)
    assert bool((w + reference >= low - room).all() and (w + reference <= high + room).all())


@settings(max_examples=150)
@given(
    mild(WeightSection, WEIGHT), st.sampled_from(known(WeightSection)), WILD, st.booleans(), st.integers(0, 9)
)
def test_a_weight_card_that_validates_stays_in_range(changes, key, value, wild, seed):
    """Finite and never below zero, at any time."""
    cell = built(weight(**(changes | ({key: value} if wild else {}))))
    if cell is None:
        return
    target = cell.g_min + (cell.g_max - cell.g_min) * torch.rand(
        50, generator=torch.Generator().manual_seed(seed)
    )
    state = cell.write(target, rng=stream(seed))
    for t in (0.0, 1.0, 1e4, 3e8):
        g = cell.read(cell.relax(state, t))
        assert bool(g.isfinite().all()) and float(g.min()) >= 0.0
    assert 0.0 <= cell.read_noise < 1.0
