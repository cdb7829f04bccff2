"""Where a result comes from: the resolved card with its sources, the command, the versions, the papers."""

from __future__ import annotations

import json
import math
import platform
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

import memsim
from memsim.card.converters import AdcSection, DacSection
from memsim.devices.device_card import assign
from memsim.studies.evaluation.setting import Setting

PACKAGES = ("memsim", "aihwkit", "torch", "numpy", "numba", "scipy", "matplotlib")
"""Packages whose version can move a number or a picture."""

CARD_FILE = "card.toml"
"""Name of the resolved card in a result folder."""

PAPERS = ("mondal2025", "joshi2020", "gong2022", "rasch2021", "horowitz2014", "wilson1927")
"""Works that every report of a comparison cites; cells and prices add their own sources."""


def versions() -> dict[str, str]:
    """Python, machine and the packages that matter; one that is not installed is absent."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def command(setting: Setting, *, worth: bool = False) -> str:
    """Return the command that repeats a comparison, in the folder of the saved card."""
    words = ["memsim", "compare", *_options(setting), "--engine", setting.engine]
    words += ["--worth"] if worth else []
    return shlex.join([*words, "--out", "again"])


def study_command(study: str, setting: Setting) -> str:
    """Return the command that repeats a study, in the folder of the saved card."""
    return shlex.join(["memsim", "study", study, *_options(setting), "--out", "again"])


def _options(run: Setting) -> list[str]:
    words = ["--model", _file_or_name(run.model)]
    if run.net is not None:
        words = ["--net", f"{run.net.path or run.net.name}:{run.net.function}"]
    words += ["--card", CARD_FILE]
    words += ["--chips", str(run.chips), "--time", f"{run.time:.12g}s", "--seed", str(run.seed)]
    words += [] if run.images is None else ["--images", str(run.images)]
    words += [] if run.data == "data" else ["--data", str(Path(run.data).resolve())]
    return words if run.dataset is None else [*words, "--dataset", _file_or_name(run.dataset)]


def _file_or_name(given: str) -> str:
    """Return a file by its absolute path, so that the command runs in another folder; a name unchanged."""
    return str(Path(given).resolve()) if Path(given).is_file() else given


TABLES = ("weights", "attention", "wear", "weight_faults", "attention_faults")
"""Tables of a card whose fields are listed one by one."""


def card_rows(card: memsim.ChipCard) -> list[dict[str, Any]]:
    """Every field of the card but prices: key with unit, value, what it is, whether it is an assumption."""
    ohm = card.segment().resistance
    top = {
        "wire_resistance [ohm]": ("not known" if math.isnan(ohm) else ohm, _about(card, "wire_resistance")),
        "temperature [K]": (card.temperature, _about(card, "temperature")),
    }
    rows = [_card_row("", key, value, about) for key, (value, about) in top.items()]
    for name in TABLES:
        section = getattr(card, name)
        for field, info in type(section).model_fields.items():
            value = getattr(section, field)
            if field == "n_max" and value is None:
                value = f"{card.full_write} (the preset's)"
            if field == "g_max" and value is None:
                value = f"{card.weight_cell.g_max:g} (the cell's)"
            if isinstance(value, (AdcSection, DacSection)):
                rows += _table_rows(f"{name}.{field}.", value)
                continue
            rows.append(_card_row(f"{name}.", info.alias or field, value, _about(section, field)))
    strengths = ", ".join(f"{effect} × {factor:g}" for effect, factor in sorted(card.strengths.items()))
    lists = {"digital": ", ".join(sorted(card.digital)), "off": ", ".join(sorted(card.off))}
    for key, value in (lists | {"strengths": strengths}).items():
        rows.append(_card_row("", key, value or "nothing", _about(card, key)))
    return rows


def _table_rows(name: str, table: AdcSection | DacSection) -> list[dict[str, Any]]:
    """Every field of a table within a section."""
    return [
        _card_row(name, info.alias or field, getattr(table, field), _about(table, field))
        for field, info in type(table).model_fields.items()
    ]


def _about(section: Any, field: str) -> str:
    text = type(section).model_fields[field].description or ""
    return " ".join(text.replace("``", "").split())


def _card_row(section: str, key: str, value: Any, about: str) -> dict[str, Any]:
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return {"key": f"{section}{key}", "value": shown, "about": about, "assumption": "assumption" in about}


def cell_rows(card: memsim.ChipCard) -> list[dict[str, str]]:
    """The two cells with technology, effects simulated and source."""
    rows = []
    for use, cell in (("weights", card.weight_cell), ("attention", card.attention_cell)):
        on = [effect for effect in cell.effects if cell.on(effect)]
        off = [effect for effect in cell.effects if not cell.on(effect)]
        rows.append(
            {
                "use": use,
                "name": cell.name,
                "technology": cell.technology,
                "on": ", ".join(on) or "none",
                "off": ", ".join(off) or "none",
                "source": cell.source,
            }
        )
    return rows


def toml(card: memsim.ChipCard) -> str:
    """The card as a TOML file that ``ChipCard.load`` reads back to an equal card."""
    fields = card.model_dump(mode="json", by_alias=True, exclude_none=True)
    fields["off"] = sorted(fields.get("off", []))
    lines = [assign(key, value) for key, value in fields.items() if not isinstance(value, dict)]
    for name in (*TABLES, "strengths"):
        lines += ["", f"[{name}]", *(assign(key, value) for key, value in fields[name].items())]
    for event, price in fields["prices"].items():
        lines += ["", f"[prices.{json.dumps(event)}]", *(assign(key, value) for key, value in price.items())]
    return "\n".join(lines) + "\n"
