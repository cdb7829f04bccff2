"""Mutants of what a user's files hold: fields of a card, bytes of a file; a seed makes the same again."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

STRANGE: tuple[Any, ...] = (
    None, True, False, "", "1.0", "nan", "x" * 100_000, "a\0b", "\x1b[31m", "[/x]", "$_{", [], {}, [{}],
    {"a": {}}, 0, -1, 1, 2**63, 10**400, 0.0, -0.0, 5e-324, 1e-300, 1e300, math.nan, math.inf, -math.inf,
    [1, "a"], b"\xff",
)  # fmt: skip


def nested(depth: int) -> dict[str, Any]:
    """Tables in tables."""
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"a": found}
    return found


def paths(table: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every key, of tables too, down to the third level."""
    found = []
    for key, value in table.items():
        found.append((*at, key))
        if isinstance(value, dict) and len(at) < 2:
            found += paths(value, (*at, key))
    return found


def mutant(fields: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The fields with one to three of them replaced, removed, renamed, scaled, nested or multiplied."""
    out = copy.deepcopy(fields)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        *way, key = draw.choice(paths(out) or [("name",)])
        at = out
        for step in way:
            at = at[step]
        value = at.get(key)
        kind = draw.randrange(8)
        if kind < 3:
            at[key] = copy.deepcopy(draw.choice(STRANGE))
        elif kind == 3:
            at.pop(key, None)
        elif kind == 4:
            at[key + draw.choice(("x", " [S]", "\n", "\0"))] = at.pop(key, 1)
        elif kind == 5 and isinstance(value, (int, float)):
            at[key] = value * draw.choice((1e6, 1e-6, -1, 1e3, 1e-3))
        elif kind == 6:
            at[key] = nested(draw.choice((1, 20, 900)))
        else:
            at.update({f"{key}{n}": n for n in range(draw.choice((1, 10, 3000)))})
    return out


def damaged(text: bytes, draw: random.Random) -> bytes:
    """Bytes with some flipped, cut out, doubled, or cut off."""
    out = bytearray(text)
    for _ in range(draw.choice((1, 1, 2, 8))):
        place, kind = draw.randrange(len(out)) if out else 0, draw.randrange(5)
        if not out:
            break
        if kind < 2:
            out[place] ^= 1 << draw.randrange(8)
        elif kind == 2:
            del out[place : place + draw.choice((1, 7, 500))]
        elif kind == 3:
            out[place:place] = out[place : place + draw.choice((1, 9, 200))]
        else:
            del out[place:]
    return bytes(out)
