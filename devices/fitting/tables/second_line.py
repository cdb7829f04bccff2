"""Names of devices in a line of their own, above or below a header that repeats one quantity.

         A1      B2                    pulse, G [uS], G [uS]     a header, and names above or below it
pulse, G [uS], G [uS]                       , A1,     B2         become  pulse, A1 [uS], B2 [uS]
"""

from __future__ import annotations

from collections import Counter

from memsim.devices.fitting.tables.headers import parse
from memsim.devices.fitting.tables.numbers import is_number


def spread(header: list[str], below: list[str]) -> list[str]:
    """Return a header whose blank cells repeat the one on their left, as merged cells of a spreadsheet mean,
    where the line below has names in them, and no numbers.
    """
    if any(map(is_number, below)):
        return header
    out = list(header)
    for i in range(1, len(out)):
        named = i < len(below) and below[i] and not is_number(below[i])
        if not out[i] and named and parse(out[i - 1]).known:
            out[i] = out[i - 1]
    return out


def under(header: list[str], above: list[str]) -> list[str]:
    """Return the header with the unit that a merged cell in the line above gives to names of devices."""
    out, over = list(header), parse("")
    for i, text in enumerate(header):
        over = parse(above[i]) if i < len(above) and above[i] else over
        free = text and not parse(text).known and not is_number(text)
        if free and over.unit is not None and over.quantity in ("conductance", "resistance"):
            out[i] = f"{text} [{over.unit_text}]"
    return out


def named(header: list[str], line: list[str]) -> list[str] | None:
    """Return the header with the names of devices that a line beside it gives; None if it gives none.

    The line has a name, which is no number, over each column of a quantity that the header repeats, all of
    them different.
    """
    known = [text for text in header if text and parse(text).known]
    often = [text for text, count in Counter(known).items() if count > 1]
    places = [i for i, text in enumerate(header) if text in often]
    names = [line[i].strip() if i < len(line) else "" for i in places]
    if len(often) != 1 or len(set(names)) < len(names) or not all(names) or any(map(is_number, names)):
        return None
    if any(parse(name).known for name in names):
        return None
    unit = parse(often[0]).unit_text
    out = list(header)
    for i, name in zip(places, names, strict=True):
        out[i] = f"{name} [{unit}]" if unit else name
    return out
