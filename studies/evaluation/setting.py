"""A setting: what a comparison or a study runs on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any, final

from memsim.chip_names import MOST_CHIPS
from memsim.studies.evaluation.net_file import NetFile

if TYPE_CHECKING:
    import memsim

ENGINES = ("memsim", "aihwkit", "digital")
"""What a network can be run on, besides the digital run that all are compared with."""


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is run on what: the options of the command line, resolved; JSON but for ``net``."""

    model: str = "s2tdpt-digits"
    net: NetFile | None = None  #: a user's own network instead of the model
    card: Mapping[str, Any] = field(default_factory=dict)  #: every field of a chip card, as its TOML file
    engine: str = "memsim"  #: of a comparison; a study names its own
    chips: int = 8
    images: int | None = None  #: number of test images, the first ones; all where None
    dataset: str | None = None  #: another data set than the one the network was trained on
    data: str = "data"  #: folder of data sets that are not embedded; tasks know these by their content
    time: float = 86400.0  #: seconds since the weights were programmed, where the study does not vary it [s]
    seed: int = 0

    def __post_init__(self) -> None:
        net: Any = self.net
        if isinstance(net, Mapping):  # as study.json has it
            if not all(isinstance(value, str) for value in net.values()):
                raise ValueError("net: name, function, text and path of its file are texts")
            object.__setattr__(self, "net", NetFile(**net))
        check_types(vars(self))

    @property
    def title(self) -> str:
        """The network as a report names it."""
        return self.model if self.net is None else self.net.title


_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), "a text"), "net": ((NetFile, NoneType), "a network's file"),
    "card": ((Mapping,), "a table"), "engine": ((str,), "a text"), "chips": ((int,), "a whole number"),
    "images": ((int, NoneType), "a whole number"), "dataset": ((str, NoneType), "a text"),
    "data": ((str,), "a text"), "time": ((int, float), "a number"), "seed": ((int,), "a whole number"),
}  # fmt: skip


def check_types(fields: Mapping[str, Any]) -> None:
    """Raise ValueError by name for a setting's field of another type, or a number that cannot be; other
    fields are not looked at.
    """
    for name in fields.keys() & _KINDS.keys():
        value, (kinds, words) = fields[name], _KINDS[name]
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"{name} = {value!r:.60}: {words} is needed")
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ValueError(f"{name} has {value.bit_length()} bits: a number below 2^63 is needed")
    for name, least in (("chips", 1), ("images", 1), ("time", 0)):
        value = fields.get(name)
        if value is not None and not least <= value < math.inf:
            raise ValueError(f"{name} = {value:g}: {least} or more is needed")
    if fields.get("chips", 1) > MOST_CHIPS:
        raise ValueError(f"chips = {fields['chips']}: a run has at most {MOST_CHIPS}")


def dump(card: memsim.ChipCard) -> dict[str, Any]:
    """Return a card as JSON values, sets sorted: the same card gives the same text."""
    fields = card.model_dump(mode="json", by_alias=True)
    return {key: sorted(value) if isinstance(value, list) else value for key, value in fields.items()}
