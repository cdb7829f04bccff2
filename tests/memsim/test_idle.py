"""Every setting of a chip card changes something that is put out, or is refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim import CardError, ChipCard, models
from memsim.card.converters import AdcSection, DacSection
from memsim.card.faults import AttentionFaultSection, FaultSection
from memsim.card.fields import FRESH
from memsim.card.sections import AttentionSection, WearSection, WeightSection
from memsim.devices import device_card
from memsim.energy.area import areas, utilisation
from memsim.energy.digital_work import DigitalWork
from memsim.models.parts.relatives import DotAttention

DEFAULT = ChipCard.load("default")
HEADS, TOKENS, WIDTH, STEPS, IMAGES = 1, 4, 6, 1, 3


class Small(nn.Module):
    """A matrix that numbers drive, attention that pulses write, a matrix that its sums drive."""

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, HEADS * TOKENS * WIDTH), nn.Linear(HEADS * TOKENS * WIDTH, 3)
        self.norm = nn.BatchNorm1d(HEADS * TOKENS * WIDTH)
        self.core = core

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.first(x))
        spikes = [(y > bound).to(x.dtype) for bound in (0.3, 0.0, -0.2)]
        q, k, v = (one.view(STEPS, len(x), HEADS, TOKENS, WIDTH) for one in spikes)
        return self.last(self.core(q, k, v).flatten(2).sum(0))


with torch.random.fork_rng():
    torch.manual_seed(0)
    NET = Small(models.STDPAttention(heads=HEADS, head_dim=WIDTH)).eval()
    X = torch.rand(IMAGES, 12)
    PRODUCTS = Small(DotAttention(gain=torch.ones(HEADS))).eval()
with torch.no_grad(), DigitalWork(NET) as watched:
    NET(X)
WORKS = watched.works


@lru_cache(maxsize=64)
def _outputs(text: str, products: bool) -> dict[str, Any]:
    card = ChipCard.model_validate_json(text)
    net = PRODUCTS if products else NET
    chip = memsim.to_crossbar(net, card, chips=2, calibration=X).program().advance_to(1e6)
    with torch.no_grad():
        logits = chip(X)
    return {
        "logits": logits.tolist(),
        "lines": sorted(
            (one.layer, one.event, one.number, one.energy, one.source) for one in chip.ledger.lines()
        ),
        "latency": chip.ledger.latencies,
        "kappa": {name: array.kappa for name, array in chip.arrays.items()},
        "upkeep": chip.upkeep,
        "cycles": chip.cycles,
        "area": areas(WORKS, card),
        "utilisation": utilisation(WORKS, card),
        "endurance": chip.card.attention_cell.endurance_range,
    }


def outputs(card: ChipCard, products: bool = False) -> dict[str, Any]:
    """Everything that a run on this card puts out; products: with attention by products of spikes."""
    return _outputs(card.model_dump_json(by_alias=True), products)


WITH: Mapping[str, Mapping[str, Any]] = {
    "device_errors": {"g_max [S]": 1e-5},
    "reset_tolerance": {"reset": "verified"},
    "reset_pulses": {"reset": "pulses"},
    "sharing": {"devices_per_synapse": 2},
    "endurance": {"cycles_before": 5e4, "endurance": 1e5},
    "shape": {"cycles_before": 5e4, "endurance": 1e5},
    "stuck_high": {"cycles_before": 5e4, "endurance": 1e5},
    "cycles_before": {"endurance": 1e5},
    "batch_norm": {"scaling": "layer"},
    "spare_rows": {"stuck_off": 0.1},
    "spare_columns": {"stuck_off": 0.1},
    "calibration": {"offset": 0.05},
    "node": {"energy [J]": 1e-12, "source": "a paper of ours"},
    "capacitor_mismatch": {"kind": "sar"},
    "curvature": {"kind": "oscillator"},
    "hold_power": {"columns_per_adc": 4},
    "source": {"energy [J]": 1e-12, "source": "a paper of ours"},
    "energy": {"source": "a paper of ours"},
    "area": {"source": "a paper of ours"},
    "unit_pulse": {"kind": "pulse-width"},
    "score_drive": {"order": "score"},
}
"""What a field needs beside it to have an effect; without it is refused."""

OTHER: Mapping[str, Any] = {
    "adc_bits": 4, "dac_bits": 4, "read_voltage": 0.3, "read_time": 2e-8, "conversion_time": 2e-7,
    "amplifier_noise": 1e-9,
    "g_max": 1e-5, "device_errors": "relative", "scaling": "layer", "tile_rows": 8, "tile_columns": 8,
    "devices_per_weight": 2,
    "compensation": "column", "reference": "weights", "reprogram_every": 1e3, "output_noise": 0.05,
    "flicker_period": 1e-3, "node": "90nm",
    "wires": "grounded", "row_activity": 0.5, "weights.coding": "offset", "batch_norm": "folded",
    "bias_rows": 1, "order": "hebbian", "score_drive": "unary",
    "n_max": 5, "coding": "linear", "devices_per_synapse": 2, "sharing": "counter", "reset": "verified",
    "reset_tolerance": 1.0, "reset_pulses": 20, "verify_rounds": 1, "row_gain": True, "scheme": "passive",
    "g_mid": 3e-5, "g_unit": 5e-6, "pulse_voltage": 1.5, "pulse_time": 1e-7, "reset_time": 1e-7,
    "cycles_before": 1e5, "endurance": 2e5, "shape": 3.0, "stuck_high": 0.0, "pulse_exponent": 2.0,
    "stuck_on": 0.3, "stuck_off": 0.3, "stuck_random": 0.3, "dead_word_lines": 0.5, "dead_bit_lines": 0.5,
    "spare_rows": 2, "spare_columns": 2, "corrupt_devices": True,
    "columns_per_adc": 4, "offset": 0.05, "gain": 0.05, "inl": 0.05, "capacitor_mismatch": 0.1,
    "curvature": 0.2, "calibration": "two-point", "energy": 2e-12, "area": 1e-9, "rate": 5e6,
    "hold_power": 1e-6, "source": "another paper", "unit_pulse": 2e-9,
    "weights.adc.kind": "oscillator", "attention.adc.kind": "oscillator", "weights.dac.kind": "pulse-width",
}  # fmt: skip
"""Another value than the default's."""


def other(section: str, name: str) -> Any:
    """Another value of a field, by its name where no other section has one of that name."""
    return OTHER[name] if f"{section}.{name}" not in OTHER else OTHER[f"{section}.{name}"]


SECTIONS = {
    "weights": WeightSection, "attention": AttentionSection, "wear": WearSection,
    "weight_faults": FaultSection, "attention_faults": AttentionFaultSection,
    "weights.adc": AdcSection, "attention.adc": AdcSection, "weights.dac": DacSection,
}  # fmt: skip
TABLES = ("adc", "dac")
UNREFUSED = ("energy", "area")
"""Fields that go with others but do not wait for them: an own energy asks for its source in other words."""


def fields() -> Iterator[Any]:
    for section, kind in SECTIONS.items():
        for name, info in kind.model_fields.items():
            if name not in ("cell", *TABLES):
                yield pytest.param(section, name, info.alias or name, id=f"{section}.{name}")


def nested(section: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """A table where it stands in a card: "weights.adc" in that of the weights."""
    outer, _, inner = section.partition(".")
    return {outer: {inner: dict(table)} if inner else dict(table)}


@pytest.mark.parametrize(("section", "name", "key"), list(fields()))
def test_a_field_changes_what_is_put_out(section: str, name: str, key: str) -> None:
    beside = WITH.get(name, {})
    changed = DEFAULT.replace(**nested(section, {**beside, key: other(section, name)}))
    early = name in ("cycles_before", *UNREFUSED)
    before = DEFAULT.replace(**nested(section, beside)) if beside and not early else DEFAULT
    products = name in ("order", "score_drive")
    assert outputs(changed, products) != outputs(before, products)


@pytest.mark.parametrize("name", [name for name in WITH if name not in UNREFUSED])
def test_a_field_without_what_it_acts_on_is_refused(name: str) -> None:
    section = next(s for s, kind in SECTIONS.items() if name in kind.model_fields)
    with pytest.raises(CardError, match=name):
        DEFAULT.replace(**nested(section, {name: other(section, name)}))


@pytest.mark.parametrize(
    ("cell", "key", "value"),
    [
        ("pcm-nandakumar2018", "g_mid [S]", 3e-5),
        ("pcm-nandakumar2018", "g_unit [S]", 5e-6),
        ("pcm-nandakumar2020", "g_mid [S]", 3e-5),
        ("ecram-li", "pulse_voltage [V]", 2.0),
    ],
)
def test_a_number_that_the_cell_has_of_its_own_is_refused_and_left_behind(cell, key, value) -> None:
    with pytest.raises(CardError, match=rf"attention.{key[:5]}.* has no effect: .*{cell}.*; leave it out"):
        DEFAULT.replace(attention={"cell": cell, key: value})
    before = DEFAULT.replace(attention={key: value})
    assert before.replace(attention={"cell": cell}) == DEFAULT.replace(attention={"cell": cell})
    assert before.replace(attention={"cell": "ideal"}).attention.model_dump(by_alias=True)[key] == value


def test_settings_of_another_mode_are_left_behind() -> None:
    verified = DEFAULT.replace(attention={"reset": "verified", "reset_tolerance": 1.0})
    assert verified.replace(attention={"reset": "once"}) == DEFAULT
    start = DEFAULT.replace(wear={"cycles_before": 0.0, "endurance": 1e6})  # of a sweep
    assert start.wear.endurance == 1e6


PRICE = {"energy [J]": 3e-12, "source": "a book of prices"}


@pytest.mark.parametrize("event", ["array-read", "half-select", "line-charge"])
def test_a_price_of_what_physics_gives_is_refused(event: str) -> None:
    with pytest.raises(CardError, match=rf"prices.{event} has no effect: its energy is"):
        DEFAULT.replace(prices={event: PRICE})


@pytest.mark.parametrize("event", ["pulse-reram", "reset-reram"])
def test_a_price_that_a_voltage_overrides_is_refused(event: str) -> None:
    assert outputs(DEFAULT.replace(prices={event: PRICE})) != outputs(DEFAULT)
    with pytest.raises(CardError, match=rf"prices.{event} has no effect: pulses of 2 V take V\^2 G t"):
        DEFAULT.replace(prices={event: PRICE}, attention={"pulse_voltage [V]": 2.0})


BILLED = (
    "adc-8b", "bus-bit", "column-second", "dac-conversion", "digital-add", "digital-compare", "digital-mac",
    "pulse-reram", "reset-reram", "router-bit", "row-drive", "sample-hold",
)  # fmt: skip
"""Events of the default card that have a price: listed, so that no chip runs where the file is imported."""


def test_every_event_with_a_price_is_listed() -> None:
    billed = {line[1] for line in outputs(DEFAULT)["lines"]}
    assert billed - {"array-read", "half-select"} == set(BILLED)


@pytest.mark.parametrize("event", BILLED)
def test_a_price_changes_the_bill(event: str) -> None:
    assert outputs(DEFAULT.replace(prices={event: PRICE})) != outputs(DEFAULT)


@pytest.mark.parametrize("effect", [*DEFAULT.effects, "wear"])
def test_an_effect_switched_off_changes_what_is_put_out(effect: str) -> None:
    card = DEFAULT.replace(wear={"cycles_before": 1e5, "endurance": 1e5}) if effect == "wear" else DEFAULT
    assert outputs(card.without(effect)) != outputs(card)
    if effect not in ("dac", "adc", "pulse-rounding", "wear", "wires", *FRESH):
        assert outputs(card.replace(strengths={effect: 2.0})) != outputs(card)


def test_wear_is_no_effect_of_a_new_chip() -> None:
    with pytest.raises(CardError, match="off: 'wear' is no effect"):
        DEFAULT.without("wear")


@pytest.mark.parametrize(
    "change",
    [
        {"wire_resistance [ohm]": 5.0},
        {"digital": ["last"]},
        {"technology": "65nm"},
        {"temperature [K]": 900},
        {"fano [1]": 0.3},
    ],
    ids=str,
)
def test_what_stands_above_the_sections_changes_what_is_put_out(change: dict[str, Any]) -> None:
    assert outputs(DEFAULT.replace(**change)) != outputs(DEFAULT)


PULSED: Mapping[str, Any] = {
    "law": "linear", "n_max": 6, "g_min [S]": 1e-6, "g_max [S]": 5e-5, "g_mid [S]": 2e-5, "step_up [S]": 2e-6,
    "step_down [S]": 3e-6, "nonlinearity_up": 0.4, "nonlinearity_down": 0.6, "nonlinearity_up_spread": 0.1,
    "nonlinearity_down_spread": 0.1, "step_spread": 0.2, "log_normal_steps": True, "asymmetry_spread": 0.1,
    "g_max_spread [S]": 1e-6, "g_min_spread [S]": 1e-7, "cycle_noise": 0.3, "write_noise [S]": 1e-7,
    "reset [S]": 1.5e-5, "reset_noise [S]": 1e-6, "reset_spread [S]": 1e-6, "pulse_voltage [V]": 1.0,
    "pulse_time [s]": 1e-7, "write_noise_law": "proportional",
}  # fmt: skip
"""A pulsed device with everything in it."""

SOFT: Mapping[str, Any] = {
    **{key: value for key, value in PULSED.items() if not key.startswith(("nonlinearity", "write_noise_l"))},
    "law": "soft-bounds", "cycle_noise_law": "constant", "reference_spread [S]": 1e-6,
    "subtract_symmetry_point": True,
}  # fmt: skip
"""Likewise what soft bounds have beside."""

KEPT: Mapping[str, Any] = {
    "g_min [S]": 1e-6, "g_max [S]": 2e-5, "programming [S]": [1e-7, 1e-7], "drift_exponent": 0.05,
    "drift_exponent_spread": 0.02, "t_0 [s]": 20.0, "relaxation [S]": -1e-8, "relaxation_spread [S]": 1e-8,
    "relaxation_spread_1s [S]": 1e-8, "flicker_noise": 0.01, "t_read [s]": 1e-6, "read_noise": 0.01,
    "v_0 [V]": 0.4, "v_ref [V]": 0.1, "time_energy [eV]": 0.3, "conductance_energy [eV]": 0.05,
    "conductance_energy_spread [eV]": 0.02, "temperature [K]": 320.0,
}  # fmt: skip
"""A weight device with everything in it, of another temperature than the chip's."""

CUBIC: Mapping[str, Any] = {
    **{key: value for key, value in KEPT.items() if key != "v_0 [V]"}, "iv_cube [1/V^2]": 4.0
}  # fmt: skip
"""Likewise with the other I-V curve."""


NAMED: Mapping[str, Any] = {
    "law": "constant", "cycle_noise_law": "relative", "write_noise_law": "constant", "n_max": 4,
    "programming [S]": [2e-7],
}  # fmt: skip
"""Other values of what is no plain number."""


def device(table: str, fields: Mapping[str, Any]) -> ChipCard:
    card = {"name": "mine", "technology": "ReRAM", "source": "our lab, 2026", table: dict(fields)}
    return DEFAULT.replace(**{"weights" if table == "weight" else "attention": {"cell": card}})


def apart(fields: Mapping[str, Any], *begin: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if not key.startswith(begin)}


@pytest.mark.parametrize(
    ("table", "base", "key"),
    [
        *(("pulsed", PULSED, key) for key in PULSED if key not in SOFT),
        *(("pulsed", SOFT, key) for key in SOFT),
        *(("weight", KEPT, key) for key in KEPT),
        ("weight", CUBIC, "iv_cube [1/V^2]"),
    ],
)
def test_a_field_of_a_device_changes_what_is_put_out(table: str, base: Mapping[str, Any], key: str) -> None:
    if key == "cycle_noise_law":
        base = apart(base, "reference_spread", "subtract")
    value = base[key]
    if key in NAMED:
        changed = {**base, key: NAMED[key]}
    else:
        changed = {
            **base,
            key: not value if isinstance(value, bool) else (0.5 if key == "read_noise" else 0.9) * value,
        }
    if key == "law":
        changed, base = (
            apart(one, "cycle_noise_law", "reference_spread", "subtract") for one in (changed, base)
        )
    assert outputs(device(table, changed)) != outputs(device(table, base))


def test_a_device_that_moves_up_only_is_another() -> None:
    both = apart(SOFT, "cycle_noise_law", "reference", "subtract", "asymmetry")
    up = apart(both, "step_down") | {"one_sided": True}
    assert outputs(device("pulsed", up)) != outputs(device("pulsed", both))


def test_a_read_above_the_highest_measured_voltage_is_refused() -> None:
    measured = CUBIC | {"v_max [V]": 0.5}
    assert outputs(device("weight", measured)) == outputs(device("weight", CUBIC))
    with pytest.raises(CardError, match=r"measured up to 0.15 V"):
        outputs(device("weight", measured | {"v_max [V]": 0.15}))


def test_every_field_of_a_device_is_looked_at() -> None:
    weight = {*KEPT, *CUBIC, "v_max [V]"}
    looked = {device_card.PulsedSection: {*PULSED, *SOFT, "one_sided"}, device_card.WeightSection: weight}
    for kind, keys in looked.items():
        assert {info.alias or name for name, info in kind.model_fields.items()} == keys
    known = {name.rpartition(".")[2] for name in OTHER} | {"cell", *TABLES}
    assert known == {name for kind in SECTIONS.values() for name in kind.model_fields}


@pytest.mark.parametrize(
    ("table", "base", "without", "field"),
    [
        ("pulsed", PULSED, ["step_spread"], "log_normal_steps"),
        ("pulsed", SOFT, ["cycle_noise", "reference_spread", "subtract"], "cycle_noise_law"),
        ("weight", KEPT, ["drift_exponent", "flicker_noise", "t_read"], "t_0"),
        ("weight", KEPT, ["flicker_noise"], "t_read"),
    ],
)
def test_a_field_of_a_device_without_what_it_acts_on_is_refused(table, base, without, field) -> None:
    left = apart(base, *without)
    rest = left | {key: base[key] for key in base if key.startswith(field)}
    with pytest.raises(CardError, match=rf"{field}.* has no effect without"):
        device(table, rest)
