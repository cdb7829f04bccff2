"""A chip card takes a device card: by path, by content, with its siemens, its pulse and its price."""

import pytest

from memsim import CardError, ChipCard
from memsim.studies.commands.options import card_of
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.setting import dump
from memsim.studies.running import provenance
from tests.devices.test_device_card import ABOUT, PULSED, WEIGHT

DRIVE = {"pulse_voltage [V]": 1.5, "pulse_time [s]": 1e-7}


@pytest.fixture
def folder(tmp_path):
    from memsim.devices.device_card import DeviceCard, toml

    for name, section in (("mine", {"pulsed": PULSED | DRIVE}), ("kept", {"weight": WEIGHT})):
        (tmp_path / f"{name}.toml").write_text(toml(DeviceCard.parse(ABOUT | section)), encoding="utf-8")
    chip = 'name = "chip"\n[weights]\ncell = "kept.toml"\n[attention]\ncell = "mine.toml"\n'
    (tmp_path / "chip.toml").write_text(chip, encoding="utf-8")
    return tmp_path


def test_paths_are_found_beside_the_chip_card_and_in_the_working_folder(folder, monkeypatch):
    beside = ChipCard.load(folder / "chip.toml")
    assert beside.attention_cell.name == beside.weight_cell.name == "reram-mine"
    assert beside.weight_cell.g_max == WEIGHT["g_max [S]"]
    monkeypatch.chdir(folder)
    here = card_of("default", weights="kept.toml", attention="mine.toml")
    assert (here.weight_cell, here.attention_cell) == (beside.weight_cell, beside.attention_cell)
    with pytest.raises(CardError, match=r"attention\.cell.*none\.toml"):
        card_of("default", attention="none.toml")


def test_a_chip_card_holds_the_numbers_not_the_path(folder):
    card = ChipCard.load(folder / "chip.toml")
    path = folder / "again.toml"
    path.write_text(provenance.toml(card), encoding="utf-8")
    (folder / "mine.toml").unlink()
    assert ChipCard.load(path) == ChipCard.parse(dump(card)) == card
    section = dump(card)["attention"]["cell"]
    assert section["pulsed"]["step_up [S]"] == PULSED["step_up [S]"] and "mine.toml" not in str(dump(card))


def test_a_task_is_named_by_the_numbers_of_its_device(folder):
    first = digest(dump(ChipCard.load(folder / "chip.toml")))
    text = (folder / "mine.toml").read_text("utf-8")
    (folder / "mine.toml").write_text(text.replace("cycle_noise = 0.3", "cycle_noise = 0.31"), "utf-8")
    assert digest(dump(ChipCard.load(folder / "chip.toml"))) != first
    (folder / "mine.toml").write_text(f"# the same again\n{text}", "utf-8")
    assert digest(dump(ChipCard.load(folder / "chip.toml"))) == first


def test_a_bad_device_card_is_refused_by_its_file_and_field(folder):
    text = (folder / "mine.toml").read_text("utf-8")
    (folder / "mine.toml").write_text(text.replace("4.5e-05", "45.0"), "utf-8")
    with pytest.raises(CardError, match=r"mine\.toml: pulsed\.g_max \[S\] = 45\.0.*micro"):
        ChipCard.load(folder / "chip.toml")


def test_a_card_for_the_other_use_is_refused(folder):
    with pytest.raises(CardError, match="cannot be pulsed"):
        ChipCard.load("default").replace(attention={"cell": str(folder / "kept.toml")})
    with pytest.raises(CardError, match="no weight cell"):
        ChipCard.load("default").replace(weights={"cell": str(folder / "mine.toml"), "g_max [S]": None})


def test_a_pulse_costs_what_its_voltage_says(folder):
    card = ChipCard.load("default").replace(attention={"cell": str(folder / "mine.toml")})
    assert card.price("pulse-reram").energy == pytest.approx(1.5**2 * 25e-6 * 1e-7)
    assert not card.price("pulse-reram").assumption and card.price("reset-reram").assumption
    assert "reram-mine" in card.price("pulse-reram").source
    other = card.replace(attention={"cell": "reram-om"})
    assert other.price("pulse-reram") == ChipCard.load("default").price("pulse-reram")


@pytest.mark.parametrize("key", ["g_mid [S]", "g_unit [S]", "pulse_time [s]"])
def test_its_numbers_stand_for_the_chip_cards(folder, key):
    """Conductances and the time of a write are the device's own; others beside them are refused."""
    mine, usual = str(folder / "mine.toml"), ChipCard.load("default")
    card = usual.replace(attention={"cell": mine})
    assert card.cell_siemens == pytest.approx((25e-6, 20e-6), rel=1e-3)
    with pytest.raises(CardError, match="has no effect: reram-mine has"):
        card.replace(attention={key: 1.5e-5})
    assert usual.replace(attention={key: 1.5e-5}).replace(attention={"cell": mine}) == card
