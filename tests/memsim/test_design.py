"""A card is resolved once, into its design; copies find their own; nothing heavy before a cell is needed."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch

from memsim import ChipCard, devices
from memsim.card.cells import must_be_built
from memsim.devices import registry

LIGHT = """
import sys
import memsim
card = memsim.ChipCard.load("default")
assert card.without("drift").only("adc").replace(weights={"cell": "ideal"}).effects
heavy = {"torch", "aihwkit", "numba", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_card_is_loaded_and_changed_before_torch_is_imported():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


def test_the_design_is_found_once_and_the_card_gives_it_away():
    card = ChipCard.load("default")
    design = card.design
    assert card.design is design
    for name in ("weight_cell", "attention_cell", "reset_tries", "full_write", "pulse_drive", "cell_siemens"):
        assert getattr(card, name) is getattr(design, name)
    assert card.all_prices is design.prices and card.price("adc-8b") == design.price("adc-8b")
    assert design.dtype == torch.float32 and not design.ideal and design.on("adc")
    assert design.unworn_cell is design.attention_cell
    assert card.without("adc").design is not design and not card.without("adc").design.on("adc")


def test_worn_cells_have_a_new_one_beside_them():
    card = ChipCard.load("default").replace(wear={"cycles_before": 1e5, "endurance": 1e6})
    assert card.design.unworn_cell == card.without("wear").attention_cell != card.attention_cell
    assert card.without("wear").design.unworn_cell == card.without("wear").attention_cell


def test_an_ideal_card_computes_in_float64():
    card = ChipCard.load("default").replace(weights={"cell": " Ideal"}, attention={"cell": "IDEAL"})
    assert card.ideal and card.design.ideal and card.design.dtype == torch.float64
    assert not card.design.on("adc")


def test_copies_are_equal_and_find_their_own_design():
    card = ChipCard.load("default")
    _ = card.design
    again = pickle.loads(pickle.dumps(card))
    for one in (copy.copy(card), copy.deepcopy(card), card.model_copy(), card.model_copy(deep=True), again):
        assert one == card and "design" not in one.__dict__
        assert one.design is not card.design and one.design.weight_cell == card.design.weight_cell
    section = card.weights.model_copy(update={"cell": "ideal"})
    assert card.model_copy(update={"weights": section}).design.weight_cell.exact
    assert copy.deepcopy(card.design) is card.design
    assert pickle.loads(pickle.dumps(card.design)).weight_cell == card.design.weight_cell


@pytest.mark.parametrize("name", registry.PRESETS)
def test_a_card_that_loads_before_its_cells_are_built_can_be_built(name):
    """What the table of names lets pass, no cell refuses later."""
    card = ChipCard.load("default")
    for section, use in (("weights", "weight"), ("attention", "pulsed")):
        if registry.preset(name).serves_as(use):
            chosen = card.replace(**{section: {"cell": name}})
            assert {*chosen.design.weight_cell.effects, *chosen.design.attention_cell.effects} <= {
                *chosen.effects
            }
            built = must_be_built(chosen.weights, chosen.attention)
            assert built == ("iv-curve" in devices.get(name).effects)
