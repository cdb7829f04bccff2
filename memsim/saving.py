"""Programmed chips as files: safetensors with a JSON header, loaded together with the network.

Devices follow from weights, seed and time, so the file holds these names, the converters' ranges and what was
measured; nothing in it is executed.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from memsim.arrays.ranges import Call
from memsim.card.chip_card import ChipCard

FORMAT = "memsim-chip-3"


HOLDERS = {"lines": "memsim.memory.on_lines", "states": "memsim.memory.on_states"}
"""Sort of a held module -> the module of memsim whose ``restore(chip, forms)`` puts its like on a chip."""


class Held(nn.Module, ABC):
    """A module of a network on a chip, no array of the chip's own, whose form and buffers a file holds."""

    sort: ClassVar[str]
    """One of HOLDERS."""

    @property
    @abstractmethod
    def reason(self) -> str:
        """What holds it, in words: its line of the mapping report."""

    @abstractmethod
    def form(self) -> dict[str, Any]:
        """Return what its like is made from, as JSON."""


def digest(net: nn.Module) -> str:
    """Sixteen hex digits that name a network's parameters, buffers and extra state, in float32."""
    found = sha256()
    for name, value in sorted(net.state_dict().items()):
        found.update(name.encode())
        for leaf in pytree.tree_leaves(value):
            found.update(_bytes(leaf))
    return found.hexdigest()[:16]


def _bytes(value: Any) -> bytes:
    """Return what names a tensor or a plain value; of other objects, their type alone."""
    if not isinstance(value, Tensor):
        plain = isinstance(value, (str, int, float, bool, type(None)))
        return (repr(value) if plain else type(value).__name__).encode()
    x = (value.dequantize() if value.is_quantized else value).detach().cpu()
    return (x.float() if x.is_floating_point() else x).contiguous().numpy().tobytes()


def save(chip: Any, path: str | Path) -> Path:
    """Write a programmed chip.  Raises RuntimeError for one that is not programmed, ValueError for an engine
    whose devices do not follow from names (aihwkit, learning).
    """
    if chip.time != chip.time:
        raise RuntimeError("the chip is not programmed; call chip.program() first")
    if chip.engine != "memsim":
        raise ValueError(f"engine {chip.engine}: its devices cannot be saved; use engine memsim")
    tensors: dict[str, Tensor] = {}
    ranges = {}
    for name, array in chip.weight_arrays.items():
        ranges[name] = [
            [one.spikes_S.tolist(), one.signed_S.tolist(), one.whole_S.tolist()] for one in array.ranges.calls
        ]
        for n, one in enumerate(array.ranges.calls):
            tensors[f"range.{name}.{n}.peak"], tensors[f"range.{name}.{n}.current"] = (
                one.peak_S,
                one.current_SK,
            )
    for name, array in chip.attention_arrays.items():
        tensors |= {f"attention.{name}.{key}": value for key, value in array.state_dict().items()}
    held = {name: module for name, module in chip.net.named_modules() if isinstance(module, Held)}
    for name, module in held.items():
        tensors |= {f"held.{name}.{key}": value for key, value in module.state_dict().items()}
    for n, (_, norm) in enumerate(chip.mapped.norms.norms):
        if norm.statistics is not None:
            tensors[f"norm.{n}.mean"], tensors[f"norm.{n}.variance"] = norm.statistics
    header = {
        "format": FORMAT, "card": chip.card.model_dump(mode="json", by_alias=True), "chips": list(chip.chips),
        "seed": chip.run.seed, "time [s]": chip.time, "compensation": chip.compensation, "next": chip._next,
        "network": chip.digest, "ranges": ranges,
        "held": {name: {"sort": module.sort, **module.form()} for name, module in held.items()},
    }  # fmt: skip
    path = Path(path)
    part = path.with_name(path.name + ".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, part, {"memsim": json.dumps(header)})
    os.replace(part, path)
    return path


def load(path: str | Path, net: nn.Module, build: Callable[..., Any], **options: Any) -> Any:
    """Return the chip in a file, of the network it was made from; build: `to_crossbar`; options: those of it
    that are no part of the file (calibration, output, batch_axis).

    Raises ValueError for a file that is damaged, of another format or of another network.
    """
    try:
        with safe_open(str(path), "pt") as file:
            header = json.loads((file.metadata() or {})["memsim"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except KeyError:
        raise ValueError(f"{path} has no memsim header: it is no saved chip") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged, or no saved chip: {error}") from None
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} has format {header.get('format')!r}; this version reads {FORMAT!r}")
    card = ChipCard.parse(header["card"], origin=str(path))
    chip = build(net, card, chips=header["chips"], seed=header["seed"], **options)
    if chip.digest != header["network"]:
        raise ValueError(f"{path} was made from a network with other weights; pass that one")
    _restore(chip, header.get("held", {}), tensors)
    for array in chip.arrays.values():
        array.program()
    for name, calls in header["ranges"].items():
        chip.weight_arrays[name].ranges.calls = [
            Call(
                torch.tensor(spikes),
                torch.tensor(signed),
                tensors[f"range.{name}.{n}.peak"],
                tensors[f"range.{name}.{n}.current"],
                torch.tensor(whole),
            )
            for n, (spikes, signed, whole) in enumerate(calls)
        ]
    for name, array in chip.attention_arrays.items():
        start = f"attention.{name}."
        array.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
    statistics = {k: v for k, v in tensors.items() if k.startswith("norm.")}
    if statistics:
        for n, (_, norm) in enumerate(chip.mapped.norms.norms):
            norm.statistics = statistics[f"norm.{n}.mean"], statistics[f"norm.{n}.variance"]
        chip.mapped.own_norms()
    chip.time, chip._next = 0.0, header["next"]
    with torch.no_grad():
        return chip.advance_to(header["time [s]"], header["compensation"])


def _restore(chip: Any, held: Mapping[str, Mapping[str, Any]], tensors: Mapping[str, Tensor]) -> None:
    """Put held modules on a chip that is not programmed yet, with their buffers."""
    for sort in dict.fromkeys(form["sort"] for form in held.values()):
        if sort not in HOLDERS:
            raise ValueError(f"this file holds {sort!r}; this version reads {', '.join(HOLDERS)}")
        forms = {
            name: {key: value for key, value in form.items() if key != "sort"}
            for name, form in held.items()
            if form["sort"] == sort
        }
        for name, module in import_module(HOLDERS[sort]).restore(chip, forms).items():
            start = f"held.{name}."
            for key, value in tensors.items():
                if key.startswith(start):
                    setattr(module, key.removeprefix(start), value)
