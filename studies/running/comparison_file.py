"""What a comparison ran on and every answer of it: run.json, beside result.json, to compare two of them.

Both carry a check sum: a file that was cut off or edited is refused, never believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.running.source import source

if TYPE_CHECKING:
    from memsim.studies.evaluation.comparison import Comparison

FORMAT = "memsim-comparison-1"
FILE, RESULT = "run.json", "result.json"

Summary = Mapping[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class Kept:
    """A comparison as its folder holds it."""

    folder: Path
    setting: Setting
    summary: Summary  #: what ``memsim compare --json`` printed
    record: Mapping[str, Any]  #: digests of network and data, chips, result, marks of the digital run
    made_by: Mapping[str, Any]  #: version and source digest of memsim, versions of packages
    account: Mapping[str, Any]  #: what else its report shows; empty where its version of memsim kept none

    @cached_property
    def point(self) -> Point | None:
        """What the chips gave, as a point of a study; None for a run of engine digital."""
        found = self.record["result"]
        if not self.record["chips"]:
            return None
        return Point(labels={}, chips=list(self.record["chips"]), per_chip=found["per_chip"],
                     total=found["total"], series=found["series"], marks=found.get("marks", {}),
                     shared={"dataset": self.images})  # fmt: skip

    @property
    def images(self) -> tuple[str, int]:
        """Which images it was tested on: the digest of the data, and how many of them."""
        return self.record["data"], self.summary["images"]


def made(comparison: Comparison, result: str, account: Mapping[str, Any] | None = None) -> str:
    """Return the text of run.json; result: that of result.json; account: what else a report shows."""
    body = {
        "format": FORMAT,
        **source(),
        "setting": asdict(comparison.setting),
        **_finite_columns(comparison.record),
        "account": dict(account or {}),
        "result.json": sha256(result.encode()).hexdigest()[:16],
    }
    body = json.loads(json.dumps(body, allow_nan=False))
    return json.dumps(body | {"check": digest(body)}, indent=1) + "\n"


def _finite_columns(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without columns that are not finite on every chip, which JSON has no word for."""
    result = dict(record["result"])
    columns = result["per_chip"]
    result["per_chip"] = {name: values for name, values in columns.items() if all(map(math.isfinite, values))}
    return {**record, "result": {**result, "total": _without_gaps(result["total"])}}


def _without_gaps(total: Mapping[str, Any]) -> dict[str, Any]:
    out = {}
    for name, value in total.items():
        if isinstance(value, Mapping):
            out[name] = _without_gaps(value)
        elif not isinstance(value, float) or math.isfinite(value):
            out[name] = value
    return out


def recall(folder: str | Path) -> Kept:
    """Read what a comparison's folder holds; ValueError says what is missing or damaged."""
    folder = Path(folder)
    body = _parsed(folder / FILE)
    check = body.pop("check", None)
    if body.get("format") != FORMAT:
        raise ValueError(
            f"{folder / FILE}: format {str(body.get('format'))!r:.40}, not {FORMAT}; run it again"
        )
    if check != digest(body):
        raise ValueError(f"{folder / FILE} is damaged (its check sum is not that of its text); run it again")
    text = _text(folder / RESULT)
    if body.pop("result.json") != sha256(text.encode()).hexdigest()[:16]:
        raise ValueError(f"{folder / RESULT} is not what this run wrote: it was changed; run it again")
    record = {name: body[name] for name in ("network", "data", "chips", "result", "digital")}
    by = {name: body[name] for name in ("memsim", "code", "with")}
    setting = Setting(**body["setting"])
    return Kept(
        folder=folder, setting=setting, summary=json.loads(text), record=record, made_by=by,
        account=body.get("account", {}),
    )  # fmt: skip


def _parsed(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); run the comparison again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged (no table of fields); run the comparison again")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise ValueError(
            f"{path.parent} holds no whole comparison: it has no {path.name}; run it again"
        ) from None
