"""A study's folder: which study and setting it belongs to, and files that are written whole or not at all.

rows.jsonl   the rows (studies.running.rows)
study.json   study, source digest, setting, names of its tasks
NAME.py      the study itself, or NAME.toml, where it is a user's own
card.toml    the chip card, every field
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import memsim
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.result import flat
from memsim.studies.evaluation.setting import Setting, check_types
from memsim.studies.running import provenance
from memsim.studies.running.files import writable, write_whole
from memsim.studies.running.study import LIBRARY, Study


def claim(study: Study, setting: Setting, folder: str | Path, tasks: Collection[str] = ()) -> Path:
    """Make the folder this study's: study.json, card.toml, and the study's own text where it is a user's.

    tasks: the names (ids) of the study's tasks, from which a report says how many are not measured yet.
    Raises ValueError naming the first field where the folder belongs to another study or setting (more or
    fewer chips are no other setting); OSError where it cannot be written.
    """
    folder = writable(Path(folder))
    own = LIBRARY not in Path(study.path).resolve().parents
    about: dict[str, Any] = {"study": study.name, "setting": asdict(setting)}
    if own:  # a built-in study's text has the version of memsim; its tasks' names say what they measure
        about["source digest"] = digest(study.source)
    about = json.loads(json.dumps(about, allow_nan=False))
    with _alone(folder):
        before = _about(folder / "study.json")
        about["tasks"] = sorted(tasks)
        if before is not None:
            _refuse_others(folder, before, about)
            more = before["setting"].get("chips", 0)
            if more > setting.chips:  # of fewer chips this time: the folder's tasks stay those of the most
                about["setting"]["chips"], about["tasks"] = more, before.get("tasks", [])
        if before != about:
            write_whole(folder / "study.json", json.dumps(about, indent=2) + "\n")
        if own:
            write_whole(folder / f"{study.name}{Path(study.path).suffix}", study.source)
        if setting.card:
            card = memsim.ChipCard.parse(dict(setting.card))
            write_whole(folder / provenance.CARD_FILE, provenance.toml(card))
    return folder


def _about(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("setting"), dict):
            raise ValueError("it says nothing about a study")
        check_types({key: value for key, value in found["setting"].items() if key != "net"})
        return found
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({error!s:.300}); choose another folder with --out, or delete the file if the"
            " rows beside it are of the same study and setting"
        ) from None


def _refuse_others(folder: Path, before: dict[str, Any], about: dict[str, Any]) -> None:
    theirs, ours = (
        flat({key: value for key, value in one.items() if key != "tasks"}) for one in (before, about)
    )
    for name in sorted(theirs.keys() | ours.keys(), key=lambda name: (name.startswith("setting."), name)):
        a, b = theirs.get(name, "absent"), ours.get(name, "absent")
        if a == b or name in ("setting.chips", "setting.data", "setting.net.path"):
            continue
        if name == "setting.net.text":
            name, a, b = "setting.the text of the network's file", digest(a), digest(b)
        what = "the text of the study" if name == "source digest" else name.removeprefix("setting.")
        raise ValueError(
            f"folder {folder} belongs to another run: {what} is {a!r} there and {b!r} here; choose another "
            "folder with --out, or give what that run was given"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No two runs do this in a folder at the same time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
