"""Resistive lines of attention arrays: zero is off, more is worse, reads of single cells, gains of lines."""

import pytest
import torch
from torch import Tensor

from memsim import CardError, ChipCard, Ledger, models
from memsim.arrays.attention_array import AttentionArray
from memsim.run import Run
from tests.memsim.test_written_array import CHIPS, HEADS, IMAGES, WIDTH, K, Q, V

CELLS = {"one device": "reram-om", "pairs": "pcm-nandakumar2018"}


def read(
    ohm: float | None, chips: tuple[int, ...] = CHIPS, only: bool = True, **fields
) -> tuple[Tensor, Tensor]:
    """Weights A that reads find and the numbers they give; without `only` with every other effect too."""
    fields = {"cell": "reram-om", "wires": "none" if ohm is None else "idle-off"} | fields
    card = ChipCard.load("default").replace(
        weights={"wires": "none"}, attention=fields, **({} if ohm is None else {"wire_resistance [ohm]": ohm})
    )
    card = card.without("adc") if not only else card.only(*(["wires"] if ohm is not None else []))
    run = Run(card=card, chips=chips, seed=5, ledger=Ledger(card))
    array = AttentionArray("layer", models.STDPAttention(heads=HEADS, head_dim=WIDTH), run)
    array.program()
    array.recording = True
    run.begin(len(IMAGES), IMAGES)
    part = [x.unflatten(1, (len(CHIPS), -1))[:, : len(chips)].flatten(1, 2) for x in (Q, K, V)]
    with torch.no_grad():
        numbers = array(*part)
    assert array.recorded is not None
    return array.recorded, numbers


def weights(*how, **fields) -> Tensor:
    return read(*how, **fields)[0]


@pytest.mark.parametrize("cell", CELLS.values(), ids=list(CELLS))
def test_zero_ohm_is_bit_equal_to_no_lines_and_more_loses_more(cell):
    ideal = weights(None, cell=cell)
    assert torch.equal(weights(0.0, cell=cell), ideal)
    lost = [float((weights(ohm, cell=cell) - ideal).square().mean()) for ohm in (0.5, 2.0, 20.0, 900.0)]
    assert lost == sorted(lost) and 0 < lost[0] < lost[-1]


def test_a_chip_is_the_same_beside_others():
    both, alone = weights(20.0, only=False), weights(20.0, CHIPS[1:], only=False)
    assert torch.equal(both[1:], alone)


def test_reading_back_corrects_what_lines_take():
    """A cell is moved until what is read is right: half of what the lines cost comes back, or more."""
    ideal = weights(None)
    plain = (weights(300.0) - ideal).square().mean()
    assert (weights(300.0, verify_rounds=2) - ideal).square().mean() < 0.5 * plain


def test_gains_are_measured_behind_the_lines():
    """What a word line loses on the average is undone after its converter."""
    ideal = read(None)[1]
    plain, gained = ((read(300.0, row_gain=on)[1] - ideal).square().mean() for on in (False, True))
    assert gained < 0.5 * plain


def test_arrays_without_transistors_hold_idle_lines_at_ground():
    card = ChipCard.load("default").replace(attention={"scheme": "passive"})
    assert (card.attention.wires, card.attention.idle_lines) == ("idle-off", "grounded")
    assert card.segment("passive").resistance == pytest.approx(card.segment().resistance / 2)
    with pytest.raises(CardError, match=r"row_activity.*with transistors"):
        card.replace(attention={"row_activity [1]": 0.4})
    assert not torch.equal(weights(50.0, scheme="passive"), weights(50.0))
