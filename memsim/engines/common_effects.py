"""Effects that engine aihwkit shares with engine memsim."""

from __future__ import annotations

from memsim.card.chip_card import ChipCard
from memsim.card.fields import ARRAY_EFFECTS

SHARED = frozenset({"dac", "adc", "pulse-rounding", "output-noise", "wear"})
"""Effects of arrays that aihwkit's tiles have, or refuse by themselves; they have every effect of a cell."""


def lacks(card: ChipCard) -> tuple[str, ...]:
    """Return effects that are on in a card and that aihwkit's tiles do not have; corrupt devices are their
    own.
    """
    shared = SHARED if card.weight_faults.made or card.attention_faults.lasting else {*SHARED, "faults"}
    return tuple(
        effect
        for effect in card.effects
        if effect in ARRAY_EFFECTS and effect not in shared and card.on(effect)
    )
