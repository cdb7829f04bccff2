"""What an exchange of a chip card with another simulator's configuration kept, field by field."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from memsim.devices.toml_file import CardError

Verdict = Literal["taken", "calibrated", "no effect", "changed", "not expressible"]
"""``taken``: the value is used unchanged; ``calibrated``: memsim finds the number from training images;
``no effect``: the field does not change inference; ``changed``: the value is used, but not exactly;
``not expressible``: the other simulator has nothing that corresponds to the field.
"""

LOST: tuple[Verdict, ...] = ("changed", "not expressible")
"""Verdicts with which an exchange loses something."""


class LossyExchange(UserWarning):
    """A warning that an exchange could not take over everything."""


class Line(NamedTuple):
    """One field of the source, its value, the verdict, and the reason for it."""

    field: str
    value: Any
    verdict: Verdict
    why: str

    def __str__(self) -> str:
        return f"{self.field} = {_short(self.value)}: {self.verdict}, {self.why}"


class ExchangeReport(tuple[Line, ...]):
    """The lines of an exchange; printed, a table."""

    @property
    def lossy(self) -> tuple[Line, ...]:
        """The lines that lose something."""
        return tuple(line for line in self if line.verdict in LOST)

    def __str__(self) -> str:
        rows = [(line.field, _short(line.value), line.verdict, line.why) for line in self]
        rows.insert(0, ("field", "value", "verdict", "as"))
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        return "\n".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
            for row in rows
        )


def report_of(lines: Iterable[Line], origin: str, *, strict: bool) -> ExchangeReport:
    """Return the report of these lines and warn (LossyExchange) of what is lost; CardError if strict."""
    report = ExchangeReport(lines)
    if report.lossy:
        text = f"{origin}: {len(report.lossy)} fields are not taken over exactly: " + "; ".join(
            str(line) for line in report.lossy
        )
        if strict:
            raise CardError(f"strict: {text}")
        warnings.warn(text, LossyExchange, stacklevel=3)
    return report


def _short(value: Any) -> str:
    """Return a value in at most 40 characters; the class of an object that prints longer."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 and "\n" not in text else type(value).__name__
