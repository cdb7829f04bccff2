"""Technology cards: published constants, the scale between nodes, two bounds of a converter, wires."""

import re
from pathlib import Path

import pytest

from memsim import CardError, ChipCard, Technology, packaged_cards
from memsim.packaged_cards import built_in
from memsim.prices.scaling import relative_energy

NODES = ("130nm", "65nm", "45nm", "32nm", "22nm", "14nm", "hermes", "neurram")


def test_these_are_all_the_cards():
    assert {*NODES, "any-node"} == set(built_in("memsim.technologies"))


@pytest.mark.parametrize("name", NODES)
def test_a_card_prices_every_event_and_every_number_has_a_source(name):
    card = Technology.load(name)
    every = [*card.parts.values(), *card.adc.values(), *card.dram.values(), card.sram]
    assert all(len(part.source) > 8 for part in every)
    if name != "hermes":  # its one constant is a whole column of 8 bits
        assert set(card.prices) >= set(ChipCard.load("default").prices)


@pytest.mark.parametrize(
    ("part", "pico"),
    [
        ("int8-add", 0.03), ("int32-add", 0.1), ("int8-multiply", 0.2), ("int32-multiply", 3.1),
        ("fp16-add", 0.4), ("fp16-multiply", 1.1), ("fp32-add", 0.9), ("fp32-multiply", 3.7),
    ],
)  # fmt: skip
def test_horowitz_constants(part, pico):
    assert Technology.load("45nm").parts[part].energy == pytest.approx(pico * 1e-12)


def test_the_multiply_accumulates_of_the_papers():
    """fp32 4.6 and .9, fp16 1.5 and .4, int8 .23 and .03, int32 3.2 and .1 pJ."""
    card = Technology.load("45nm")
    pairs = {"fp32": (4.6, 0.9), "fp16": (1.5, 0.4), "int8": (0.23, 0.03), "int32": (3.2, 0.1)}
    for kind, (mac, ac) in pairs.items():
        assert card.price(f"{kind}-multiply", f"{kind}-add").energy == pytest.approx(mac * 1e-12)
        assert card.price(f"{kind}-add").energy == pytest.approx(ac * 1e-12)


def test_sram_goes_through_horowitz_points_and_by_a_power_law_between():
    sram = Technology.load("45nm").sram
    for size, pico in ((8192, 10), (32768, 20), (2**20, 100)):
        assert 64 * sram.bit(size) == pytest.approx(pico * 1e-12)
    assert sram.bit(16384) == pytest.approx((sram.bit(8192) * sram.bit(32768)) ** 0.5)
    assert sram.bit(2048) == pytest.approx(sram.bit(8192) / 2)  # the slope of the nearest two, 1/2
    assert sram.bit(2**21) > sram.bit(2**20)
    assert not sram.price(8192).assumption
    assert "(assumption)" in Technology.load("14nm").sram.price(8192).said  # scaled by a law for logic


def test_dram_is_the_same_at_every_node():
    for name in NODES:
        assert Technology.load(name).dram["LPDDR4"].energy == 8e-12


def test_scaling_follows_the_published_polynomial():
    assert relative_energy(45e-9, 0.9) == pytest.approx(1.103 * 0.81 - 0.362 * 0.9 + 0.2767)
    factor = relative_energy(14e-9, 0.8) / relative_energy(45e-9, 0.9)
    small, large = (Technology.load(n).parts["int8-multiply"] for n in ("14nm", "45nm"))
    assert small.energy == pytest.approx(factor * large.energy) and "45 to 14 nm" in small.source
    between = relative_energy(22e-9, 0.8)
    assert relative_energy(20e-9, 0.8) < between < relative_energy(32e-9, 0.8)
    with pytest.raises(ValueError, match="in metres"):
        relative_energy(14.0, 0.8)


def test_an_analog_part_that_is_scaled_is_an_assumption():
    assert not Technology.load("32nm").parts["row-driver"].assumption
    assert Technology.load("14nm").parts["row-driver"].assumption
    assert not Technology.load("14nm").parts["int8-multiply"].assumption


@pytest.mark.parametrize(
    ("name", "design", "bits", "pico"),
    [
        ("32nm", "sar-kull", 8, 1.67), ("45nm", "sar-neurosim", 8, 0.396), ("14nm", "sar-neurosim", 5, 0.061),
        ("14nm", "survey", 8, 0.2765), ("45nm", "survey", 14, 39.1),
        ("32nm", "regression", 8, 1.71146), ("32nm", "regression-fast", 8, 1.92668),
        ("45nm", "regression", 8, 3.24885), ("14nm", "regression", 8, 0.36174),
        ("65nm", "regression", 6, 4.03221),
    ],
)  # fmt: skip
def test_converters_by_bits(name, design, bits, pico):
    found = Technology.load(name).converter_price(bits, design).energy
    assert found == pytest.approx(pico * 1e-12, rel=0.01)


def test_the_survey_is_below_every_named_sar_of_its_time():
    """Two bounds: what the best ever did, and what a named design takes."""
    card = Technology.load("32nm")
    for bits in range(4, 11):
        assert card.converter_price(bits, "survey").energy < card.converter_price(bits, "sar-kull").energy


def test_a_fast_converter_serves_many_lines():
    kull, neurosim = (Technology.load("32nm").adc[d] for d in ("sar-kull", "sar-neurosim"))
    assert kull.count(256, 123e-9) == 2  # 147 conversions of 1.2 GS/s fit into 123 ns
    assert kull.count(256, 0.1e-9) == 256
    assert neurosim.count(256, 123e-9) == 256  # no rate known: one for each line


@pytest.mark.parametrize(("name", "ohm", "femto"), [("130nm", 0.29, 0.14), ("22nm", 1.56, 0.032)])
def test_wires_over_a_cell_of_one_transistor(name, ohm, femto):
    resistance, capacitance = Technology.load(name).wires.cell(4)
    assert resistance == pytest.approx(ohm, rel=0.02) and capacitance == pytest.approx(
        femto * 1e-15, rel=0.02
    )


def test_what_a_card_lacks_is_refused_by_name():
    card = Technology.load("45nm")
    with pytest.raises(CardError, match="no part 'memristor'"):
        card.price("memristor")
    with pytest.raises(CardError, match="no ADC 'flash'"):
        card.converter_price(8, "flash")
    with pytest.raises(CardError, match="no ADC of 12 bits: the table runs from 4 to 10"):
        card.converter_price(12)
    with pytest.raises(CardError, match="did you mean '45nm'"):
        Technology.load("45mm")


class TestChipCard:
    """A chip card takes from its technology what it does not price itself."""

    def test_a_card_without_prices_has_those_of_its_technology(self):
        card = ChipCard.parse({"name": "bare", "technology": "14nm"})
        assert card.prices == Technology.load("14nm").prices and not card.own_prices

    def test_an_own_price_goes_first(self):
        own = {"energy [J]": 1e-15, "source": "measured here"}
        card = ChipCard.parse({"name": "mine", "technology": "14nm", "prices": {"adc-8b": own}})
        assert card.price("adc-8b").energy == 1e-15
        assert card.price("adc-7b") == Technology.load("14nm").prices["adc-7b"]

    def test_another_technology_keeps_own_prices_alone(self):
        default = ChipCard.load("default")
        assert not default.own_prices
        own = {"energy [J]": 1e-12, "source": "measured here", "node": "any"}
        card = default.replace(prices={"adc-8b": own}).replace(technology="14nm")
        assert set(card.own_prices) == {"adc-8b"} and card.price("adc-8b").energy == 1e-12
        assert card.price("digital-mac").energy < default.price("digital-mac").energy

    def test_a_technology_file_lies_beside_the_card(self, tmp_path):
        (tmp_path / "node.toml").write_text(
            'name = "mine"\n"node [m]" = 45e-9\n"supply [V]" = 0.9\nscaled_from = ["45nm", "32nm"]\n'
            '[parts.int16-add]\n"energy [J]" = 7e-15\nsource = "a colleague"\n'
        )
        (tmp_path / "chip.toml").write_text('name = "chip"\ntechnology = "node.toml"\n')
        assert ChipCard.load(tmp_path / "chip.toml").price("digital-add").energy == 7e-15

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[parts.x]\n"energy [J]" = -1.0\nsource = "somewhere"\n', ["parts.x.energy [J]", "greater"]),
            ('[parts.x]\nenery = 1\nsource = "somewhere"\n', ["unknown key", "parts.x.enery"]),
            ('"node [m]" = 45\n', ["node [m]", "45", "micro"]),
            (
                '[parts.int16-ad]\n"energy [J]" = 1e-14\nsource = "somewhere"\n',
                ["parts.int16-ad has no effect", "did you mean 'int16-add'"],
            ),
            (
                'converter = "sar-cull"\n[adc.own]\n"energy [J]" = {8 = 1e-12}\nsource = "somewhere"\n',
                ["converter = 'sar-cull'", "there are own"],
            ),
        ],
    )
    def test_a_bad_technology_is_refused_by_name(self, tmp_path, text, words):
        path = tmp_path / "node.toml"
        path.write_text(f'name = "mine"\n{text}')
        with pytest.raises(CardError) as refusal:
            ChipCard.parse({"name": "chip", "technology": str(path)})
        for word in words:
            assert word in str(refusal.value)

    def test_an_unknown_technology_is_refused(self):
        with pytest.raises(CardError, match="no built-in technology '44nm'"):
            ChipCard.parse({"name": "chip", "technology": "44nm"})


def test_a_file_that_was_edited_is_read_again(tmp_path):
    text = (Path(packaged_cards.__file__).parent / "technologies/45nm.toml").read_text("utf-8")
    mine, lent = tmp_path / "mine.toml", tmp_path / "lent.toml"
    lent.write_text(text.replace('name = "45nm"', 'name = "lent"'), "utf-8")
    mine.write_text(text.replace('name = "45nm"', f'name = "mine"\nbeside = ["any-node", "{lent}"]'), "utf-8")
    before = Technology.load(mine)
    mine.write_text(mine.read_text("utf-8").replace('name = "mine"', 'name = "ours"'), "utf-8")
    assert (before.name, Technology.load(mine).name) == ("mine", "ours")
    lent.write_text("name = 1", "utf-8")
    with pytest.raises(CardError, match=r"lent\.toml.*text in quotes is needed"):
        Technology.load(mine)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
@pytest.mark.parametrize(
    "field",
    ["parts.int8-add.energy [J]", "adc.sar-neurosim.energy [J]",
     "adc.regression.rate [1/s]", "wires.resistance [ohm/m]", "wires.capacitance [F/m]", "sram.access [J]"],
)  # fmt: skip
def test_numbers_a_prefix_away_are_refused(tmp_path, field, factor):
    table, key = field.rsplit(".", 1)
    text = (Path(packaged_cards.__file__).parent / "technologies/45nm.toml").read_text("utf-8")
    begin = text.index(f'"{key}" = ', text.index(f"[{table}]"))
    line = text[begin : text.index("\n", begin)]
    slip = re.sub(r"(?<== )[\d.e+-]+", lambda number: repr(float(number[0]) * factor), line)
    assert slip != line
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(line, slip).replace('name = "45nm"', 'name = "mine"'), "utf-8")
    with pytest.raises(CardError, match=re.escape(f"{field}"[: field.index(" [")])):
        Technology.load(path)
