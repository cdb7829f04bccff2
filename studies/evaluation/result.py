"""A result: the measurements of one task, each number under the heading that states what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeGuard, final

KEYS = (
    "per_chip={column: [one value a chip]}, total={name: value}, series={name: [values along an axis]}, "
    "marks={column: [one text a chip]}"
)
"""The headings, as a message names them."""


@final
@dataclass(frozen=True, kw_only=True)
class Result:
    """The measurements of one task.

    The heading, not the length of a list, states what numbers belong to: four energies by time step are a
    series, also with four chips.  Raises TypeError or ValueError that names a value under a wrong heading.
    """

    per_chip: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Column -> one number for each chip of the task, in the order of its ``shared["chips"]``."""

    total: Mapping[str, Any] = field(default_factory=dict)
    """Name -> a number for all chips of the task (a mean over them), a text, or a mapping of these."""

    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Name -> numbers along another axis than chips, such as time steps; means over the chips."""

    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column of ``per_chip`` that is a share of images -> for each chip a text of the images that counted."""

    def __post_init__(self) -> None:
        for heading in ("per_chip", "total", "series", "marks"):
            if not isinstance(getattr(self, heading), Mapping):
                given = type(getattr(self, heading)).__name__
                raise TypeError(f"Result: {heading} is a {given}, not a mapping; it takes {KEYS}")
        for heading in ("per_chip", "series"):
            for name, values in getattr(self, heading).items():
                _check_numbers(heading, name, values)
        lengths = {name: len(values) for name, values in self.per_chip.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Result: per_chip columns hold one value a chip, these differ: {lengths}")
        for name, value in self.total.items():
            _check_total(name, value)
        for name, texts in self.marks.items():
            if len(texts) != lengths.get(name):
                raise ValueError(
                    f"Result: marks[{name!r}] is of {len(texts)} chips, per_chip of {self.chips}"
                )

    @property
    def chips(self) -> int | None:
        """How many chips the columns are of; None where there is no column."""
        return next((len(values) for values in self.per_chip.values()), None)

    def json(self) -> dict[str, Any]:
        """Return the headings as a row holds them; marks only where there are any."""
        found = asdict(self)
        return found if self.marks else {name: value for name, value in found.items() if name != "marks"}


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_numbers(heading: str, name: str, values: Any) -> None:
    if not isinstance(values, (list, tuple)):
        hint = "; .tolist() makes one" if hasattr(values, "tolist") else ""
        raise TypeError(f"Result: {heading}[{name!r}] is a {type(values).__name__}, not a list{hint}")
    for value in values:
        if not is_number(value):
            raise TypeError(f"Result: {heading}[{name!r}] holds a {type(value).__name__}, not numbers alone")


def _check_total(name: str, value: Any) -> None:
    if isinstance(value, (list, tuple)):
        raise TypeError(
            f"Result: total[{name!r}] is a {type(value).__name__}; one value a chip belongs to per_chip, "
            "values along time or depth to series"
        )
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_total(f"{name}: {key}", inner)


def flat(fields: Mapping[str, Any], separator: str = ".", prefix: str = "") -> dict[str, Any]:
    """Return entries of nested mappings under their joined names; an empty mapping is kept as it is."""
    out: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping) and value:
            out |= flat(value, separator, f"{prefix}{name}{separator}")
        else:
            out[f"{prefix}{name}"] = value
    return out
