"""What to know of the cells of every card that rows were measured with, as of the card of a comparison."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 6  #: sentences that are shown; the others are counted
ON_ARRAYS = "attention devices"  #: of a result whose attention was written into arrays


def row_cautions(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the sentences of `cautions` on the cards of rows, each with the number of cards it is true of.

    Rows without a card, of a failed task, or with a card that this version cannot read, say nothing.
    """
    import memsim  # cells need torch, which the report of two comparisons does without
    from memsim.card.cautions import cautions

    written: dict[str, bool] = {}
    for row in rows:
        card = row["shared"].get("card")
        if isinstance(card, Mapping) and "result" in row:
            key = json.dumps(card, sort_keys=True)
            written[key] = written.get(key, False) or ON_ARRAYS in row["result"]["total"]
    said: Counter[str] = Counter()
    for text, attention in written.items():
        try:
            said.update(cautions(memsim.ChipCard.parse(json.loads(text)), attention=attention))
        except ValueError:
            continue
    cards = len(written)
    out = [f"{words}{'' if n == cards else f' ({n} of {cards} cards)'}" for words, n in said.most_common()]
    left = len(out) - MOST
    return out if left <= 0 else [*out[:MOST], f"and {left} more of this kind"]
