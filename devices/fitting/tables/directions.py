"""Directions of pulses from words, signs, or the sign of a voltage."""

from __future__ import annotations

import re

import numpy as np

from memsim.devices.fitting.tables.columns import Columns
from memsim.devices.fitting.tables.numbers import number

UP, DOWN, NONE, RESET = 1, -1, 0, 2
_WORDS = {
    UP: ("up", "+", "ltp", "set", "pot", "pot.", "potentiation", "potentiate", "p", "positive", "pos", "↑",
         "increase", "rise", "auf", "hoch", "setzen", "potenzierung", "potentialisation",
         "potenciación", "potenziamento", "subida", "aumentar", "增强"),
    DOWN: ("down", "-", "−", "ltd", "reset", "dep", "dep.", "depression", "depress", "d", "negative", "neg",
           "↓", "decrease", "fall", "ab", "runter", "rücksetzen", "zurücksetzen", "dépression",
           "depresión", "depressione", "bajada", "disminuir", "抑制"),
    NONE: ("", "none", "read", "nan", "no", "--", "n/a", "lesen", "kein", "keine", "keiner", "lecture",
           "aucun", "aucune", "lectura", "ninguno", "ninguna", "lettura", "nessuno", "读取", "无"),
    RESET: ("erase", "melt", "init", "initial", "initialise", "initialize", "start", "full reset", "löschen",
            "effacement", "borrado", "cancellazione", "擦除"),
}  # fmt: skip
_FILLING = {"pulse", "pulses", "puls", "only", "operation", "phase"}  #: words without a meaning of their own
WORDS = {word: way for way, words in _WORDS.items() for word in words}
"""Maps a word in lower case to 1 up, -1 down, 0 no pulse, or 2 full reset, after which a new curve begins."""


def directions(columns: Columns) -> tuple[np.ndarray, str]:
    """Return the direction of the pulse before each reading (R,), and how it was found.

    Raises ValueError if there is no column for it, or for a cell that is not a direction.
    """
    table = columns.table
    if "direction" in columns:
        texts = columns.texts("direction")
        named = columns.constant.get("direction")
        said = f"{named!r} for all" if named else repr(columns.found["direction"].header.text)
        return _of_cells(columns, texts), f"direction from {said}"
    if "voltage" in columns.found:
        header = columns.found["voltage"].header
        values = [number(text, table.decimal) for text in columns.texts("voltage")]
        bad = next((i for i, v in enumerate(values) if v is None), None)
        if bad is not None:
            raise ValueError(
                f"{table.origin}, line {table.lines[bad]}: {header.text} ="
                f" {columns.texts('voltage')[bad][:40]!r} is no voltage: a number is"
                " needed; its unit belongs in the header, as V [V]"
            )
        sign = np.sign(np.nan_to_num(np.array(values, float))).astype(np.int8)
        return sign, f"direction from the sign of {header.text!r}"
    raise ValueError(
        f"{table.origin}: no column says which way a pulse went: a direction (up, down), its sign or the"
        " pulse's voltage is needed; where all pulses go one way, say --columns direction=up"
    )


def _of_cells(columns: Columns, texts: list[str]) -> np.ndarray:
    """Return directions from words or signs; numbers other than -1, 0 and 1 must occur with both signs."""
    table = columns.table
    out, large = np.empty(len(texts), np.int8), 0
    seen: dict[str, int] = {}
    for i, text in enumerate(texts):
        way = WORDS.get(" ".join(w for w in re.split(r"[\s_]+", text.lower()) if w not in _FILLING).strip())
        if way is None:
            value = number(text, table.decimal)
            if value is None or not np.isfinite(value):
                raise ValueError(
                    f"{table.origin}, line {table.lines[i]}: direction = {text[:40]!r}: up or down (LTP or"
                    " LTD, SET or RESET, + or -), 1 or -1, a voltage, 0 or none is needed; erase for a"
                    " full reset"
                )
            way = int(np.sign(value))
            if value not in (-1.0, 0.0, 1.0):
                large, seen[text] = large + 1, i
        out[i] = way
    if large and not ((out == UP).any() and (out == DOWN).any()):
        text, line = next(iter(seen)), table.lines[seen[next(iter(seen))]]
        raise ValueError(
            f"{table.origin}, line {line}: direction = {text!r}: 1 (up), -1 (down) or 0 (none) is needed, or"
            " a voltage whose sign says it; all numbers here have one sign"
        )
    return out
