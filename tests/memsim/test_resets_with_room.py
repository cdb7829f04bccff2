"""Where a reset leaves a cell: a fitted card has room both ways; a card without room is said or refused."""

from dataclasses import replace

import pytest

import memsim
from memsim import devices, models
from memsim.card.cautions import cautions
from memsim.devices.device_card import DeviceCard
from memsim.devices.fitting.fit import fit_pulses
from tests.devices.measured import MICRO, RERAM

ABOUT = {"name": "mine", "technology": "ReRAM", "source": "measured here"}
TRAP = replace(RERAM, high=60, low=2, bounds=(4, 0.5), middle=31, up=1.8, down=1.5, start=2.07, starts=0.1)
"""Potentiation measured first, from the bottom of the range on."""


def chip_card(section, **attention):
    cell = DeviceCard.parse(ABOUT | {"pulsed": section})
    return memsim.ChipCard.load("default").replace(
        weights={"cell": "ideal"}, attention={"cell": cell, **attention}
    )


def accuracy(card, images=60):
    net, data = models.load("s2tdpt-digits"), models.datasets.load("digits")
    chip = memsim.to_crossbar(net, card, chips=2).program()
    return float((chip(data.x_test[:images]).argmax(-1) == data.y_test[:images]).double().mean())


@pytest.fixture(scope="module")
def section():
    fit = fit_pulses(TRAP.measure(0, 16, 60))
    return fit.section | {"n_max": fit.longest_rise}


def test_a_card_fitted_to_potentiation_first_has_room(section):
    assert not any("no room" in words for words in cautions(chip_card(section)))
    middle = (section["g_min [S]"] + section["g_max [S]"]) / 2
    assert accuracy(chip_card(section)) == pytest.approx(
        accuracy(chip_card(section | {"reset [S]": middle})), abs=0.02
    )


def test_a_reset_at_the_first_reading_is_said_wherever_the_card_is_used(section):
    trapped = section | {"reset [S]": MICRO * TRAP.start + 5e-7}
    (said,) = (words for words in cautions(chip_card(trapped)) if "no room" in words)
    assert "pulses down" in said and 'reset = "pulses"' in said
    assert not any("no room" in words for words in cautions(chip_card(trapped, reset="pulses")))
    assert not any("attention" in words for words in cautions(chip_card(trapped), attention=False))


def test_a_reset_on_the_bound_is_refused_with_the_true_reason(section):
    calm = {key: value for key, value in section.items() if "spread" not in key}
    at_bound = calm | {"reset [S]": section["g_min [S]"], "write_noise [S]": 0.0, "cycle_noise": 0.0}
    net, data = models.load("s2tdpt-digits"), models.datasets.load("digits")
    with pytest.raises(ValueError, match="pulses down do not move it from where a reset leaves it"):
        memsim.to_crossbar(net, chip_card(at_bound), chips=1).program()(data.x_test[:1])


def test_presets_have_room():
    for name in devices.names():
        preset = devices.registry.preset(name)
        if preset.serves_as("pulsed"):
            card = memsim.ChipCard.load("default").replace(attention={"cell": name})
            assert not cautions(card), name


def test_ideal_parts_of_a_card_are_listed():
    bare = {
        "law": "soft-bounds", "n_max": 16, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
        "step_down [S]": 1e-6, "reset [S]": 25e-6,
    }  # fmt: skip
    (said,) = cautions(chip_card(bare))
    for part in ("spread of devices", "cycle noise", "write noise", "noise of a reset", "stuck devices"):
        assert part in said


def test_a_cell_brings_its_stuck_devices_to_a_chip():
    card = chip_card({
        "law": "soft-bounds", "n_max": 16, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
        "step_down [S]": 1e-6, "reset [S]": 25e-6,
    })  # fmt: skip
    cell = card.attention.cell
    faulty = DeviceCard.parse(cell.fields() | {"faults": {"stuck_on": 0.1, "stuck_off": 0.05}})
    brought = card.replace(attention={"cell": faulty})
    assert brought.attention_faults.stuck == (0.1, 0.05, 0.0) and "faults" in brought.effects
    assert brought.replace(attention={"cell": "reram-om"}).attention_faults.stuck == (0, 0, 0)
    assert brought.replace(attention_faults={"stuck_on": 0.2}).attention_faults.stuck == (0.2, 0, 0)
    assert memsim.ChipCard.parse(brought.model_dump(by_alias=True, exclude_unset=True)) == brought
    net, data = models.load("s2tdpt-digits"), models.datasets.load("digits")
    chip = memsim.to_crossbar(net, brought, chips=1).program()
    chip(data.x_test[:2])
    shares = [d.summary["faulty [1]"] for d in chip.faults.values()]
    assert shares and sum(shares) / len(shares) == pytest.approx(0.15, abs=0.05)
    calm = memsim.to_crossbar(net, brought.without("faults"), chips=1).program()
    calm(data.x_test[:2])
    assert not calm.faults


@pytest.mark.parametrize("change", [{"verify_rounds": 1}, {"reset": "verified"}])
def test_converters_of_verifying_reads_without_their_errors_are_said(change):
    def said(attention: bool = True, **fields) -> list[str]:
        card = memsim.ChipCard.load("default").replace(attention=fields)
        return [words for words in cautions(card, attention=attention) if "verify a write" in words]

    errors = {"adc": {"offset": 0.01, "gain": 0.02}}
    assert not said(**errors) and not said(**change)
    (words,) = said(**errors, **change)
    assert words.endswith("without its offset, gain")
    assert not said(attention=False, **errors, **change)
