"""The way in: a network put on crossbars."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.products.hebbian import HebbianAttention
from memsim.arrays.products.score import ScoreAttention
from memsim.arrays.weight_array import WeightArray
from memsim.card.chip_card import ChipCard
from memsim.chip import Chip
from memsim.chip_names import names_of
from memsim.energy.ledger import Ledger
from memsim.mapping.batches import Axis, batch_of, check_axis
from memsim.mapping.mapped_net import Engine
from memsim.mapping.report import NotMapped
from memsim.run import Run
from memsim.written_attention import ProductAttention, WrittenAttention


def to_crossbar(
    net: nn.Module,
    card: ChipCard | str = "default",
    *,
    chips: int | Sequence[int] = 8,
    seed: int = 0,
    calibration: Any = None,
    engine: str = "memsim",
    strict: bool = False,
    output: Callable[[Any], Any] | str | int | None = None,
    batch_axis: Axis = 0,
) -> Chip:
    """Put a network on crossbars: every product with a learned matrix, and STDP attention, goes to arrays;
    attention by products of spikes too, where the card's ``attention.order`` says how.

    net: any module.  Matrices of linear layers, convolutions, transposed convolutions, multi-head attention,
    recurrent and bilinear layers (and their subclasses) are on arrays in a copy, but for those that the card
    leaves ``digital``; ``chip.mapping`` lists them.  card: ChipCard or the name or file of one.  chips: how
    many, or their names.  calibration: training images for the converters' ranges, a tensor or the network's
    inputs as a tuple or mapping; a bundled network brings its own.  engine: "memsim" (whole stacks at once)
    or "aihwkit" (aihwkit's own tiles, one by one: the reference).  strict: refuse products that would stay
    digital (default: warn).  output: picks the logits from other outputs, a function, key or place.
    batch_axis: the axis of the inputs that holds images.  Raises CardError, TypeError and ValueError by name.
    """
    card = card if isinstance(card, ChipCard) else ChipCard.load(card)
    names = names_of(chips)
    if calibration is None:
        calibration = getattr(net, "calibration_images", None)
    if engine not in ("memsim", "aihwkit"):
        raise ValueError(f"engine = {engine!r}: 'memsim' or 'aihwkit'")
    check_axis(batch_axis)
    layers = net.modules() if isinstance(net, nn.Module) else ()
    if any(type(layer).__module__.startswith("aihwkit.nn.") for layer in layers):
        raise TypeError("this network has analog layers of aihwkit; give memsim.from_aihwkit(net)")
    run = Run(card=card, chips=names, seed=int(seed), ledger=Ledger(card))
    arrays = Engine("memsim", WeightArray, attention_array)
    if engine == "aihwkit":
        from memsim.engines.aihwkit import TileWeights, tile_attention

        arrays = Engine("aihwkit", TileWeights, tile_attention)
    chip = Chip(net, run, calibration, arrays, output, batch_axis)
    if calibration is not None:
        chip.mapped.probed(batch_of(calibration, batch_axis))
    _tell_left(chip, strict)
    return chip


def attention_array(name: str, leaf: nn.Module, run: Run) -> nn.Module:
    """Return the arrays that stand for an attention leaf, by its kind and the card's order."""
    if isinstance(leaf, ProductAttention):
        by_order = {"hebbian": HebbianAttention, "score": ScoreAttention}
        return by_order[run.card.attention.order](name, leaf, run)
    assert isinstance(leaf, WrittenAttention)
    return AttentionArray(name, leaf, run)


def _tell_left(chip: Chip, strict: bool) -> None:
    """Warn of products that stay digital, or refuse them."""
    mapping = chip.mapping
    if not mapping.left and (chip.mapped.held or chip.attention_arrays):
        return
    left = "; ".join(f"{line.layer} ({line.kind}): {line.reason}" for line in mapping.left[:5])
    more = f" and {len(mapping.left) - 5} more" if len(mapping.left) > 5 else ""
    share = f"{1 - mapping.share('parameters'):.1%} of parameters"
    if any(line.operations for line in mapping):
        share += f", {1 - mapping.share('operations'):.1%} of operations"
    text = (
        f"{share} stay digital: {left or 'nothing of this network is a product with a learned matrix'}{more}"
    )
    if strict:
        raise ValueError(f"strict: {text}")
    warnings.warn(text, NotMapped, stacklevel=3)
