"""Assignment of quantities to the columns of a table, by their headers or by the user.

given("device=Dev,conductance [uS]=G", ...)      quantity, with its unit if the header has none, = header
given("direction=up", ...)                       one direction for all pulses
given("read voltage [V]=0.1", ...)               one read voltage for all currents
given("conductance [uS]=*", ...)                 every other column is a device
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from memsim.devices.fitting.tables.headers import DIMENSION, NAMES, Header, agrees, parse, plain_name
from memsim.devices.fitting.tables.identity import NO_READING, SUMMARY, join
from memsim.devices.fitting.tables.numbers import is_number, number
from memsim.devices.fitting.tables.plain import PlainTable

USUAL_UNIT = {"conductance": "uS", "resistance": "kohm", "time": "s", "voltage": "V", "read voltage": "V",
              "current": "uA",
              "target": "uS", "temperature": "K"}  # fmt: skip
_EACH = "; if each device has its own, write a row for each reading, or a file for each device in a folder"
_ELAPSED = re.compile(r"(\d{1,6}):([0-5]\d):([0-5]\d([.,]\d+)?)")
_BETWEEN = re.compile(r",(?=\s*[A-Za-z][A-Za-z ]*(?:\[[^\]]*\])?\s*=)")


@dataclass(frozen=True)
class Column:
    """Column of a table with its quantity."""

    index: int  #: position in the table
    header: Header


@dataclass(frozen=True)
class Columns:
    """Columns of a table by quantity, and columns that are not used."""

    table: PlainTable
    found: Mapping[str, Column]
    several: tuple[Column, ...]  #: columns of devices, in a wide table
    unused: tuple[str, ...]
    constant: Mapping[str, str]  #: quantity -> word, or number in its SI unit, that applies to all rows

    def __contains__(self, quantity: str) -> bool:
        return quantity in self.found or quantity in self.constant

    def si(self, column: Column) -> np.ndarray:
        """Return the numbers of a column in SI units (R,), NaN for blank cells.

        Raises ValueError for cells that are not numbers and for a missing or wrong unit, with line and cell.
        """
        table, header = self.table, column.header
        unit = header.unit
        if header.quantity == "time" and unit is None:
            elapsed = _elapsed(table.column(column.index))
            if elapsed is not None:
                return elapsed
        out = np.empty(len(table.rows))
        for i, text in enumerate(table.column(column.index)):
            value = number(text, table.decimal)
            if value is None:
                raise ValueError(
                    f"{table.origin}, line {table.lines[i]}: {header.text[:80]} = {text[:40]!r} is no number"
                    + _remedy(text)
                )
            out[i] = value
        if header.quantity in DIMENSION:
            if unit is None or not agrees(header.quantity, unit):
                raise ValueError(_unit_wanted(table.origin, header))
            with np.errstate(over="ignore"):
                out = out * unit.factor + unit.offset
        return out

    def numbers(self, quantity: str) -> np.ndarray:
        """Return the numbers of a quantity (R,); see `si`."""
        if quantity in self.constant:
            return np.full(len(self.table.rows), float(self.constant[quantity]))
        return self.si(self.found[quantity])

    def texts(self, quantity: str) -> list[str]:
        """Return the cells of a quantity as text (R,)."""
        if quantity in self.constant:
            return [self.constant[quantity]] * len(self.table.rows)
        return self.table.column(self.found[quantity].index)


def _elapsed(texts: list[str]) -> np.ndarray | None:
    """Return times [s] since the write from cells h:mm:ss that begin with 0:00:00; None for other cells.

    Without a time of 0 they may be times of day, which say nothing about the write.
    """
    found = [_ELAPSED.fullmatch(text.strip()) for text in texts]
    if not all(found):
        return None
    parts = [(int(m[1]), int(m[2]), float(m[3].replace(",", "."))) for m in found if m]
    seconds = np.array([3600.0 * h + 60.0 * m + s for h, m, s in parts])
    return seconds if seconds.min() == 0 else None


def _remedy(text: str) -> str:
    if re.match(r"[<>≤≥]\s*[\d.,]", text):
        return ": a limit; of a device that has not failed, write the number, and no in a column failed"
    if text.strip().lower() in SUMMARY:
        return f": {NO_READING}"
    if re.match(r"[+-]?[\d.,]+\s*[^\W\d_]+$", text):
        return ": its unit belongs in the header, as G [uS]"
    if re.match(r"\d{1,4}[-:./]\d\d", text):
        return (
            ": is it a time of day or a date? Seconds since the write (or h:mm:ss from 0:00:00 on, with no"
            " other unit in the header), or numbers of pulses, are needed"
        )
    return " (blank and NaN say that nothing was measured)"


def _unit_wanted(origin: str, header: Header) -> str:
    usual = USUAL_UNIT[header.quantity]
    written = f"its unit {header.unit_text!r} is not known" if header.unit_text else "it has no unit"
    if header.unit:
        written = f"its unit {header.unit_text!r} is one of a {header.unit.dimension}"
    return (
        f"{origin}: column {header.text!r} is a {header.quantity}, but {written}: name it in the header, as"
        f' {header.name} [{usual}], or say --columns "{header.quantity} [{usual}]={header.text}"'
    )


def given(text: str | None) -> dict[str, str]:
    """Parse the option --columns into "quantity [unit]" -> header. Raises ValueError for unknown
    quantities.
    """
    out: dict[str, str] = {}
    for part in _BETWEEN.split(text or ""):
        if not part.strip():
            continue
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not equals or not right:
            raise ValueError(f"--columns {part.strip()!r}: quantity=header is needed, as device=Dev")
        quantity = plain_name(parse(left).name)
        if quantity not in NAMES:
            near = get_close_matches(quantity, NAMES, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f": one of {', '.join(NAMES)} is needed"
            raise ValueError(f"--columns {left!r} is no quantity{hint}")
        out[left] = right
    return out


def assign(table: PlainTable, asked: Mapping[str, str]) -> Columns:
    """Assign a quantity to each column, as given by the user (`asked`) or by its header.

    Raises ValueError for requested columns that do not exist, and for two columns that match a quantity
    equally.
    """
    headers = [parse(text) for text in table.header]
    found: dict[str, Column] = {}
    constant: dict[str, str] = {}
    rest: Header | None = None
    for left, right in asked.items():
        said = parse(left)
        said = replace(said, quantity=plain_name(said.name), name=right)
        if right == "*":
            rest = said
            continue
        index = _index(table, right)
        if index is None and (word := _for_all_rows(said, right, table.origin)):
            constant[said.quantity] = word
            continue
        if index is None:
            near = get_close_matches(right, table.header, 1, cutoff=0.4)
            raise ValueError(
                f"{table.origin}: --columns: there is no column {right!r}"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + f" Columns are {_listed(table.header)}"
            )
        own = headers[index]
        unit, unit_text = (said.unit, said.unit_text) if said.unit_text else (own.unit, own.unit_text)
        header = replace(own, quantity=said.quantity, unit=unit, unit_text=unit_text)
        found[said.quantity] = Column(index, header)
    taken = {column.index for column in found.values()}
    left_over = [Column(i, h) for i, h in enumerate(headers) if i not in taken]
    several = _devices(table, left_over, rest, found)
    same = {column.header.quantity for column in several}
    left_over = [one for one in left_over if one.header.quantity not in same]
    left_over = [one for one in left_over if one.index not in {column.index for column in several}]
    found |= _by_name(table, left_over, {*found, *constant})
    found = {q: replace(c, header=replace(c.header, quantity=q)) for q, c in found.items()}
    parts: list[int] = []
    if not several and not any(parse(left).quantity == "device" for left in asked):
        taken = {column.index for column in found.values()}
        own = found["device"].index if "device" in found else None
        free = [i for i in range(len(headers)) if i not in taken]
        if joined := join(table, headers, own, free):
            table, header, parts = joined
            found["device"] = Column(len(table.header) - 1, header)
    used = {*parts, *(column.index for column in (*found.values(), *several))}
    unused = tuple(text for i, text in enumerate(table.header) if i not in used and text)
    return Columns(table, found, tuple(several), unused, constant)


def _for_all_rows(said: Header, right: str, origin: str) -> str:
    """Return the word or number that the user gives for all rows, or "" if it is not one."""
    if said.quantity == "direction":
        return right
    value = number(right, ".")
    if said.quantity != "read voltage" or value is None:
        return ""
    if said.unit is None or said.unit.dimension != "voltage" or not 0 < abs(value * said.unit.factor) <= 10:
        raise ValueError(
            f'{origin}: --columns "{said.text}={right}": a voltage with its unit, above 0 and up to 10 V, is'
            ' needed, as "read voltage [V]=0.1"'
        )
    return repr(value * said.unit.factor)


def _listed(header: tuple[str, ...]) -> str:
    return ", ".join(map(repr, header[:12])) + (", ..." if len(header) > 12 else "")


def _index(table: PlainTable, name: str) -> int | None:
    """Return the index of a column by its place (#4), its header, its name without unit, or either ignoring
    case.
    """
    if place := re.fullmatch(r"#(\d{1,5})", name):
        return int(place[1]) - 1 if 1 <= int(place[1]) <= len(table.header) else None
    for form in (str, lambda t: parse(t).name, plain_name, lambda t: plain_name(parse(t).name)):
        places = [i for i, text in enumerate(table.header) if form(text) == form(name)]
        if len(places) == 1:
            return places[0]
    return None


def _by_name(table: PlainTable, columns: list[Column], taken: set[str]) -> dict[str, Column]:
    """Return the columns that name a quantity; if several do, the one with the most usual name."""
    out: dict[str, Column] = {}
    for quantity in NAMES:
        mine = sorted((c for c in columns if c.header.quantity == quantity), key=lambda c: c.header.rank)
        if not mine or quantity in taken:
            continue
        if len(mine) > 1 and mine[0].header.rank == mine[1].header.rank:
            names = " and ".join(repr(c.header.text) for c in mine[:2])
            own = _EACH if quantity in ("time", "pulse") else ""
            same = mine[0].header.text == mine[1].header.text
            which = f"#{mine[0].index + 1}" if same else mine[0].header.text
            raise ValueError(
                f"{table.origin}: {names} both are a {quantity}: say which, as --columns"
                f' "{quantity}={which}"' + (f" (column {mine[0].index + 1})" if same else "") + own
            )
        out[quantity] = mine[0]
    return out


def _devices(
    table: PlainTable, columns: list[Column], rest: Header | None, found: Mapping[str, Column]
) -> list[Column]:
    """Return the columns of devices in a wide table.

    These are two or more conductances, or all remaining columns if the user says so.
    """
    if rest is not None:
        mine = [c for c in columns if not c.header.known or c.header.quantity == rest.quantity]
        new = rest.unit, rest.unit_text
        return [
            replace(c, header=replace(c.header, quantity=rest.quantity, unit=new[0], unit_text=new[1]))
            for c in mine
            if c.header.text
        ]
    if "device" in found or any(c.header.quantity == "device" for c in columns):
        return []
    for quantity in ("conductance", "resistance"):
        mine = [c for c in columns if c.header.quantity == quantity and quantity not in found]
        if len(mine) > 1 and len({plain_name(c.header.name) for c in mine}) == len(mine):
            single = [c for c in mine if not SUMMARY & set(plain_name(c.header.name).split())]
            return single if len(single) > 1 else []
    bare = [c for c in columns if c.header.text and not c.header.known and _numeric(table, c)]
    measured = {"conductance", "resistance", "current"} & {*found, *(c.header.quantity for c in columns)}
    if measured or not bare:
        return []
    names = ", ".join(c.header.text for c in bare[:3])
    if all(is_number(c.header.text) for c in bare):
        raise ValueError(
            f"{table.origin}: the columns {names}, ... have numbers for names: does a row hold a quantity in"
            " place of a column? Exchange rows and columns (transpose the table)"
        )
    raise ValueError(
        f"{table.origin}: no column is a conductance or resistance with its unit; if the columns {names}, ..."
        ' are one device each, say --columns "conductance [uS]=*" with their unit'
    )


def _numeric(table: PlainTable, column: Column) -> bool:
    return all(number(text, table.decimal) is not None for text in table.column(column.index)[:20])
