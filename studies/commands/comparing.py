"""`memsim compare` after its options are parsed: checks, the comparison, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import memsim
from memsim.studies.commands.options import layer, refuse_unread_folder
from memsim.studies.commands.unfit import refuse_too_many, refuse_unwritten
from memsim.studies.evaluation import worth as relatives
from memsim.studies.evaluation.compare import compare
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.evaluation.digital import Advance
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.setting import Setting
from memsim.studies.evaluation.subject import Subject
from memsim.studies.reports.report import write_report
from memsim.studies.running.files import taken


@final
@dataclass(frozen=True, kw_only=True)
class Done:
    """A comparison, the rows of what attention is worth (with --worth), and the page of the report."""

    comparison: Comparison
    worth: list[dict[str, Any]] | None
    report: Path | None


def run(
    net: NetFile | str,
    card: memsim.ChipCard,
    data: str | None,
    asked: dict[str, Any],
    *,
    written: Sequence[str],
    worth: bool,
    explain: str | None,
    out: Path | None,
    folder: bool = False,
    advance: Advance,
) -> Done:
    """Compare as asked; names of layers, relatives and the folder are checked before any of it.

    written: options that act on written attention alone. folder: whether a folder of data sets is asked for,
    which is refused where the data do not lie in one. The report is written before anything else can fail.
    """
    file = net if isinstance(net, NetFile) else None
    name = "" if file is not None else str(net)
    subject = Subject.of(Setting(model=name, net=file))
    refuse_unwritten(written, {card.attention.order}, [subject])
    if explain is not None:
        layer("--explain", explain, [module for module, _ in subject.net.named_modules() if module])
    if folder:
        refuse_unread_folder(subject.on(data))
    refuse_too_many(asked["images"], subject.on(data), asked["folder"])
    if worth:
        relatives.check(name, file)
    with taken(out):
        comparison = compare(net, card, data, **asked, advance=advance)
        found = relatives.worth(name) if worth else None
        path = None if out is None else write_report(comparison, out, worth=found)
    return Done(comparison=comparison, worth=found, report=path)
