"""What a card's stated ranges allow is computed with, or refused in words: nothing breaks inside them."""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import memsim
from memsim import CardError, ChipCard, models
from memsim.arrays.reading.converters import levels_of, quantise
from memsim.card.faults import AttentionFaultSection, FaultSection
from memsim.card.sections import AttentionSection, WearSection, WeightSection
from memsim.devices import registry
from memsim.devices.weights.weight_cell import BeyondFit
from memsim.prices.parts import Converter, Memory

WITH = {
    "reset_tolerance": {"reset": "verified"},
    "reset_pulses": {"reset": "pulses"},
    "cycles_before": {"endurance": 1e5},
    "endurance": {"cycles_before": 1e5},
    "shape": {"cycles_before": 1e5, "endurance": 1e5},
    "stuck_high": {"cycles_before": 1e5, "endurance": 1e5},
    "pulse_exponent": {"cycles_before": 1e5, "endurance": 1e5},
    "spare_rows": {"stuck_off": 0.1},
    "spare_columns": {"stuck_off": 0.1},
}
"""What a field needs beside it to have an effect."""

LONG = {("n_max", 4096), ("devices_per_synapse", 16)}
"""Edges that take minutes: tables of 8193 counts, sixteen times the devices."""


SECTIONS = {
    "weights": WeightSection, "attention": AttentionSection, "wear": WearSection,
    "weight_faults": FaultSection, "attention_faults": AttentionFaultSection,
}  # fmt: skip


def edges() -> Iterator[Any]:
    """(section, key, value) at, or next to, both ends of every numeric field."""
    for name, section in SECTIONS.items():
        for field, info in section.model_fields.items():
            for limit in info.metadata:
                for end, inside in (("ge", 0.0), ("le", 0.0), ("gt", 1e-6), ("lt", -1e-6)):
                    value = getattr(limit, end, None)
                    if value is not None and (field, value) not in LONG:
                        value = value * (1 + inside) if inside else value
                        yield pytest.param(name, info.alias or field, value, id=f"{name}.{field}-{value:.3g}")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.build("s2tdpt-1-8", in_shape=(1, 8, 8), num_classes=2, steps=2).eval()


@pytest.mark.slow
@pytest.mark.parametrize(("section", "key", "value"), list(edges()))
def test_a_chip_at_the_end_of_a_range_is_right_or_refused(section, key, value, network):
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BeyondFit)
        try:
            card = ChipCard.load("default").replace(**{section: {key: value, **WITH.get(key, {})}})
            card.check_prices()
            chip = memsim.to_crossbar(network, card, chips=2, calibration=images).program().advance_to(1e9)
            logits = chip(images)
        except ValueError as refusal:
            assert key.split(" [")[0] in str(refusal)
            return
    assert torch.isfinite(logits).all()
    assert 0.0 <= chip.ledger.energy < math.inf


def test_one_bit_has_no_level_for_numbers_of_both_signs():
    assert [levels_of(bits, True) for bits in (2, 8, 16)] == [1, 127, 32767]
    assert [levels_of(bits, False) for bits in (1, 8)] == [1, 255]
    x = torch.tensor([-0.6, 0.0, 0.6])
    with pytest.raises(ValueError, match=r"1 bit has no level but 0.*dac_bits of 2 to 16"):
        quantise(x, 1.0, 1)
    assert quantise(x, 1.0, 1, signed=False).tolist() == [0.0, 0.0, 1.0]


def test_conductances_below_zero_are_refused():
    card = ChipCard.load("default")
    with pytest.raises(CardError, match=r"g_mid \[S\] = 2e-05 and g_unit \[S\] = 3e-05.*reram-om"):
        card.replace(attention={"g_unit [S]": 30e-6})
    assert card.replace(attention={"g_unit [S]": 20e-6}).cell_siemens == (20e-6, 20e-6)
    assert card.replace(attention={"cell": "pcm-nandakumar2020", "g_unit [S]": 30e-6}).cell_siemens.rest == 0
    for name, preset in registry.PRESETS.items():  # what a card takes from the table, no cell refuses later
        if preset.serves_as("pulsed"):
            assert card.replace(attention={"cell": name}).design.cell_siemens.unit > 0


def test_a_pulse_that_takes_a_millijoule_is_refused():
    strong = {"pulse_voltage [V]": 99.0, "pulse_time [s]": 9e-4, "g_mid [S]": 5e-3}
    with pytest.raises(CardError, match=r"a pulse of 99 V and 0.0009 s takes .* J through 0.005 S"):
        ChipCard.load("default").replace(attention=strong)


@pytest.mark.parametrize("bits", [3, 11])
def test_a_converter_of_no_price_is_refused_before_energy_is_counted(bits):
    card = ChipCard.load("default").replace(weights={"adc_bits": bits})
    with pytest.raises(CardError, match=rf"weights.adc_bits = {bits}: no price for adc-{bits}b"):
        card.check_prices()
    ChipCard.load("default").check_prices()
    card.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"}).check_prices()


@pytest.mark.parametrize("name", registry.PRESETS)
def test_every_preset_has_the_prices_of_its_events(name):
    card, preset = ChipCard.load("default"), registry.preset(name)
    kind = preset.cell.technology.lower()
    if preset.serves_as("weight"):
        assert card.price(f"program-{kind}").energy >= 0
    if preset.serves_as("pulsed"):
        other = card.replace(attention={"cell": name})
        assert other.price(f"pulse-{kind}").energy >= 0 and other.price(f"reset-{kind}").energy >= 0


def test_a_device_card_of_a_technology_of_no_price_is_refused_before_energy_is_counted():
    mine = {"name": "x", "technology": "MRAM", "source": "our lab, 2026", "weight": {"g_max [S]": 2e-5}}
    card = ChipCard.load("default").replace(weights={"cell": mine})
    with pytest.raises(CardError, match="no price for 'program-mram'"):
        card.check_prices()


@pytest.mark.parametrize(
    ("kind", "key", "table"),
    [
        (Converter, "energy [J]", {8: 0.0}),
        (Converter, "energy [J]", {0: 1e-12}),
        (Converter, "area [m2]", {8: -1e-9}),
        (Memory, "access [J]", {0: 1e-12, 64: 1e-12}),
        (Memory, "access [J]", {64: 0.0, 128: 1e-12}),
    ],
)
def test_tables_whose_logarithms_are_taken_hold_positive_numbers(kind, key, table):
    fields = {"energy [J]": {8: 1e-12}} if kind is Converter else {}
    with pytest.raises(ValueError, match="greater than"):
        kind.model_validate(fields | {key: table, "source": "a book of tables"})


def test_noise_that_begins_after_long_reads_is_finite():
    """t_0 far below t_read: the noise path has no width yet."""
    from memsim import devices

    mine = {"g_max [S]": 2e-5, "flicker_noise": 0.1, "t_0 [s]": 2e-9, "t_read [s]": 0.9}
    cell = devices.get({"name": "x", "technology": "PCM", "source": "our lab, 2026", "weight": mine})
    state = cell.write(torch.full((100,), 1e-5), rng=devices.stream(0, "x"))
    for t in (0.0, 1e-9, 0.5, 2.0, 1e12):
        assert torch.isfinite(cell.read(cell.relax(state, t))).all()
    assert cell.read(cell.relax(state, 0.5)).std() == 0.0 < cell.read(cell.relax(state, 1e3)).std()
