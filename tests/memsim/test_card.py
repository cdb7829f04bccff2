"""A card is read by name or file; what cannot be used is refused by field, value, range and likely slip."""

import pytest

import memsim
from memsim import CardError, ChipCard
from memsim.studies.running import provenance


def load(tmp_path, text: str) -> ChipCard:
    path = tmp_path / "chip.toml"
    path.write_text('name = "mine"\n' + text, encoding="utf-8")
    return ChipCard.load(path)


def test_every_built_in_card_loads_and_every_price_has_a_source():
    for name in memsim.built_in():
        card = ChipCard.load(name)
        assert card.prices
        assert all(len(p.source) > 8 for p in card.prices.values())


def test_the_default_card_is_what_the_issue_of_record_says():
    card = ChipCard.load("default")
    assert (card.weights.cell, card.attention.cell) == ("pcm-joshi2020", "reram-om")
    assert card.weights.g_max is None and card.weight_cell.g_max == 25e-6
    assert card.weights.adc_bits == card.attention.adc_bits == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[weights]\n"g_max [S]" = 25.0\n', ["weights.g_max [S]", "25.0", "less than 0.01", "micro"]),
        ('[weights]\n"g_max [S]" = nan\n', ["weights.g_max [S]", "nan"]),
        ("[weights]\nadc_bit = 8\n", ["unknown key", "weights.adc_bit", "did you mean 'adc_bits'"]),
        ("[weights]\nadc_bits = 80\n", ["weights.adc_bits", "80", "less than or equal to 16"]),
        ('[weights]\ncell = "pcm-joshi"\n', ["pcm-joshi", "pcm-joshi2020"]),
        ('[weights]\ncell = "reram-om"\n', ["weights.cell", "no weight cell", "pcm-joshi2020"]),
        ('[attention]\ncell = "pcm-joshi2020"\n', ["attention.cell", "cannot be pulsed", "reram-om"]),
        ('off = ["drfit"]\n', ["off", "unknown effect 'drfit'", "drift"]),
        ("[strengths]\ndrfit = 2\n", ["strengths", "unknown effect 'drfit'", "drift"]),
        ("[strengths]\ndrift = 10.5\n", ["strengths.drift", "10.5", "less than or equal to 10"]),
        ("[strengths]\ndrift = -1\n", ["strengths.drift", "-1", "greater than or equal to 0"]),
        ("[strengths]\ndrift = nan\n", ["strengths.drift", "nan", "finite"]),
        ("[strengths]\nadc = 2\n", ["strengths", "'adc' rounds", "no spread", "adc_bits"]),
        ("[strengths]\npulse-rounding = 0.5\n", ["strengths", "'pulse-rounding' rounds"]),
        ("off = ['iv-curve']\n", ["off", "'iv-curve' is no effect of pcm-joshi2020, reram-om"]),
        ("[strengths]\niv-curve = 2\n", ["strengths", "'iv-curve' is no effect of pcm-joshi2020"]),
        ('[weights]\ncell = "reram-milo2021"\n"read_voltage [V]" = 4.9\n', ["I-V curve", "4.9 V"]),
        ('[weights]\n"g_max [S]" = 26e-6\n', ["g_max = 2.6e-05 S", "highest its source"]),
        ('[attention]\ncell = "pcm-nandakumar2018"\nreset = "pulses"\n', ["moves up only"]),
        ("weights = 3\n", ["weights = 3", "a table of keys and values"]),
        ("prices = 3\n", ["prices = 3", "a table of keys and values"]),
        ("technology = 3\n", ["technology '3'", "45nm"]),
        ("[weights]\ncell = 3\n", ["weights.cell = 3", "name of a cell"]),
        ('[prices.adc-8b]\n"energy [J]" = 1e-12\n', ["prices.adc-8b.source", "required"]),
        ("[weights\n", ["not valid TOML"]),
    ],
)
def test_a_bad_card_is_refused_by_name(tmp_path, text, words):
    with pytest.raises(CardError) as refusal:
        load(tmp_path, text)
    for word in words:
        assert word.lower() in str(refusal.value).lower()
    assert len(str(refusal.value).splitlines()) == 1


def test_a_missing_card_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(CardError, match="did you mean 'default'"):
        ChipCard.load("defualt")
    with pytest.raises(CardError, match="cannot read card"):
        ChipCard.load(tmp_path / "none.toml")


def test_without_and_only_are_complements():
    card = ChipCard.load("default")
    for effect in card.effects:
        alone_off, alone_on = card.without(effect), card.only(effect)
        assert set(alone_off.off) == {effect}
        assert set(alone_on.off) == set(card.effects) - {effect}
        assert not alone_off.on(effect)
    with pytest.raises(CardError, match="unknown effect"):
        card.without("gravity")
    with pytest.raises(CardError, match="'wear' is no effect of"):
        card.only("wear")  # its devices are new


def test_other_cells_keep_of_the_switches_what_they_have():
    card = ChipCard.load("default").without("drift", "read-noise").replace(strengths={"cycle-noise": 2.0})
    other = card.replace(weights={"cell": "reram-wan2022"}, attention={"cell": "ideal"})
    assert (other.off, other.strengths) == ({"read-noise"}, {})
    assert card.replace(weights={"tile_rows": 64}).off == card.off
    both = card.replace(weights={"cell": "reram-milo2021"}, strengths={"iv-curve": 0.5})
    assert both.strengths == {"cycle-noise": 2.0, "iv-curve": 0.5}


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("weights", "adc_bits", True, "weights.adc_bits = True: a number is needed"),
        ("weights", "adc_bits", "8", "weights.adc_bits = '8': a number is needed, not text; did you mean 8"),
        ("weights", "read_voltage [V]", "0.2", "weights.read_voltage [V] = '0.2': a number"),
        ("weights", "g_max [S]", True, "weights.g_max [S] = True: a number"),
        ("attention", "row_gain", 1, "attention.row_gain = 1: true or false"),
        ("attention", "row_gain", "yes", "attention.row_gain = 'yes': true or false"),
        ("attention", "n_max", True, "attention.n_max = True: a number"),
        ("wear", "endurance", False, "wear.endurance = False: a number"),
        ("strengths", "drift", True, "strengths: drift = True: a number"),
        (
            "prices",
            "adc-8b",
            {"energy [J]": "1", "source": "a book of prices"},
            "prices.adc-8b.energy [J] = '1'",
        ),
    ],
)
def test_text_and_truth_values_are_no_numbers(section, key, value, words):
    with pytest.raises(CardError) as refusal:
        ChipCard.load("default").replace(**{section: {key: value}})
    assert words in str(refusal.value)


def test_switching_an_effect_off_reaches_the_cells():
    card = ChipCard.load("default").without("drift", "cycle-noise")
    assert not card.weight_cell.on("drift")
    assert card.weight_cell.on("programming")
    assert not card.attention_cell.on("cycle-noise")
    assert card.attention_cell.on("device-spread")


def test_strengths_reach_the_cells_and_off_goes_first():
    card = ChipCard.load("default").replace(strengths={"drift": 2, "cycle-noise": 0.5, "read-noise": 0})
    assert card.weight_cell.strength("drift") == 2.0 and card.attention_cell.strength("cycle-noise") == 0.5
    assert card.weight_cell.strength("programming") == card.attention_cell.strength("device-spread") == 1.0
    assert card.weight_cell.read_noise == 0.0
    assert card.without("drift").weight_cell.strength("drift") == 0.0
    assert card.only("drift").weight_cell.strength("drift") == 2.0
    assert card.replace(strengths={"drift": 1}).weight_cell == card.weight_cell.scaled({"drift": 1})
    plain = ChipCard.load("default")
    assert plain.replace(strengths={"drift": 1}).weight_cell == plain.weight_cell


def test_a_card_with_strengths_is_the_same_after_a_round_trip(tmp_path):
    for strengths in ({}, {"drift": 2.0, "device-spread": 0.1}):
        card = ChipCard.load("default").replace(strengths=strengths)
        assert ChipCard.parse(card.model_dump(mode="json", by_alias=True)) == card
        path = tmp_path / "card.toml"
        path.write_text(provenance.toml(card), encoding="utf-8")
        assert ChipCard.load(path) == card


def test_ideal_cells_switch_the_converters_off():
    card = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    assert card.ideal
    assert not card.on("adc")
    assert card.effects == ()


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("weights", "compensation", "colum", "'global', 'column' or 'none'"),
        ("weights", "reprogram_every [s]", 0.0, "greater than 0.001"),
        ("weights", "devices_per_weight", 17, "less than or equal to 16"),
        ("weights", "conversion_time [s]", 123.0, "micros or nanos"),
        ("attention", "conversion_time [s]", -1e-9, "greater than or equal to 0"),
        ("attention", "pulse_time [s]", 50.0, "micros or nanos"),
        ("attention", "reset_time [s]", float("nan"), "finite"),
    ],
)
def test_a_bad_field_is_refused_by_name(section, key, value, words):
    with pytest.raises(CardError) as refusal:
        ChipCard.load("default").replace(**{section: {key: value}})
    assert f"{section}.{key} = {value!r}" in str(refusal.value)
    assert words in str(refusal.value)


def test_layers_left_digital_are_a_list_of_names():
    with pytest.raises(CardError, match=r"digital = 'blocks\.0\.\*'"):
        ChipCard.load("default").replace(digital="blocks.0.*")


def test_a_card_with_every_field_set_comes_back_from_its_file(tmp_path):
    card = ChipCard.load("default").replace(
        weights={"compensation": "column", "reprogram_every [s]": 6e5, "devices_per_weight": 4},
        attention={"pulse_time [s]": 2e-7, "reset": "verified", "devices_per_synapse": 4, "row_gain": True},
        wear={"cycles_before": 1e5, "endurance": 1e6},
        digital=["patches.encoder", "blocks.0.*"],
    )
    path = tmp_path / "card.toml"
    path.write_text(provenance.toml(card), encoding="utf-8")
    assert ChipCard.load(path) == card
    assert 'digital = ["blocks.0.*", "patches.encoder"]' in path.read_text(encoding="utf-8")
