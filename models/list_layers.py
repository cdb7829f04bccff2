"""Which modules each bundled network has, written to a file that is read before torch is imported.

python -m memsim.models.list_layers        writes models/bundled/layers.json
"""

from __future__ import annotations

import json

from memsim.models.checkpoint import load
from memsim.models.known import BUNDLED, trained


def text() -> str:
    """The file: networks with the same modules are one entry."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in trained():
        groups.setdefault(layers(name), []).append(name)
    lines = [json.dumps({"networks": names, "layers": found}) for found, names in groups.items()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def layers(name: str) -> tuple[str, ...]:
    """Names of a bundled network's modules."""
    return tuple(module for module, _ in load(name).named_modules() if module)


if __name__ == "__main__":
    (BUNDLED / "layers.json").write_text(text(), encoding="utf-8")
