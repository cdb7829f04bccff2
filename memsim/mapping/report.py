"""The mapping of a network: which module is on which arrays, what stayed digital, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from memsim.digital_only import digital_modules
from memsim.mapping.exchange import ROOT, Held
from memsim.saving import Held as Memory

Place = Literal["array", "digital", "unused"]


class NotMapped(UserWarning):
    """Matrices of a network that stay digital."""


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """One line: a matrix on arrays, or the parameters of a module that stay digital."""

    layer: str
    kind: str
    place: Place
    reason: str
    parameters: int
    biases: int = 0  #: of the same module, added digitally
    operations: float | None = None  #: multiply-accumulates for an image; None: not known yet
    tied_to: str | None = None  #: the layer whose array holds the same parameter
    product: bool = True  #: whether it could be a product with a learned matrix
    also: bool = False  #: on an array, and in a product elsewhere that is digital


@dataclass(frozen=True)
class MappingReport(Sequence[Mapped]):
    """Every module with parameters, a line for each matrix; printed as a table."""

    lines: tuple[Mapped, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, place: Any) -> Any:
        return self.lines[place]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Mapped]:
        return iter(self.lines)

    def of(self, place: Place) -> list[Mapped]:
        """Return the lines of one place."""
        return [line for line in self.lines if line.place == place]

    def share(self, what: Literal["parameters", "operations"]) -> float:
        """Return the share that is on arrays [1]; of operations: of products with learned matrices."""
        own = [line for line in self.lines if line.tied_to is None or what == "operations"]
        total = sum(getattr(line, what) or 0.0 for line in own)
        total += sum(line.biases for line in own) if what == "parameters" else 0.0
        mapped = sum(getattr(line, what) or 0.0 for line in own if line.place == "array")
        return mapped / total if total else 1.0

    @property
    def left(self) -> list[Mapped]:
        """Products with learned matrices that stay digital, at least in part, though nobody asked for it."""
        return [line for line in self.lines if line.product and (line.place != "array" or line.also)]

    def __str__(self) -> str:
        rows = [("layer", "kind", "place", "parameters", "MACs/image", "because")]
        for line in self.lines:
            operations = "" if line.operations is None else f"{line.operations:.3g}"
            rows.append((line.layer, line.kind, line.place, f"{line.parameters}", operations, line.reason))
        widths = [max(len(row[n]) for row in rows) for n in range(5)]
        text = [
            "  ".join((*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5])).rstrip()
            for row in rows
        ]
        summary = f"on arrays: {self.share('parameters'):.1%} of parameters"
        if any(line.operations for line in self.lines):
            summary += f", {self.share('operations'):.1%} of operations"
        return "\n".join([*text, summary, *self.notes])


def report(
    net: nn.Module, matrices: Sequence[Held], attentions: Mapping[str, Any], macs: Mapping[str, float] | None,
    digital: Mapping[str, float], shared: frozenset[str], uses: Mapping[str, frozenset[str]],
    notes: Sequence[str], holders: str, bias_rows: Mapping[str, int],
) -> MappingReport:  # fmt: skip
    """Return the report of a network.

    macs: of an image by layer, where it was probed; digital: those of modules outside arrays; shared: layers
    whose input is the same for all images; uses: functions that take a parameter otherwise than as the matrix
    of a product, by name; holders: what holds a weight, in words;
    bias_rows: rows of the array that hold a module's biases, where it does.
    """
    macs = None if macs is None else {**macs, **_left_digital(net, matrices, digital)}
    lines = [_matrix_line(net, one, macs, shared, uses, holders) for one in matrices]
    taken = {(one.module, one.matrix.parameter) for one in matrices}
    claimed = {one.module: n for n, one in reversed(list(enumerate(matrices)))}
    for path, module in net.named_modules():
        rest = {n: p for n, p in module._parameters.items() if p is not None and (path, n) not in taken}
        if path in claimed and all(p.dim() == 1 for p in rest.values()):
            biases = sum(p.numel() for p in rest.values())
            lines[claimed[path]] = _with_biases(lines[claimed[path]], biases, bias_rows.get(path, 0))
        elif rest:
            line = _other_line(path, module, rest, uses, macs is not None)
            lines.append(replace(line, operations=digital.get(line.layer)) if line.product else line)
    lines += [
        Mapped(layer=name, kind="written attention", place="array", reason=array.reason, parameters=0)
        for name, array in attentions.items()
    ]
    lines += [
        Mapped(layer=name, kind=f"memory: {one.sort}", place="array", reason=one.reason, parameters=0)
        for name, one in net.named_modules()
        if isinstance(one, Memory)
    ]
    lines += [
        Mapped(
            layer=name, kind=type(module).__name__, place="digital", reason=module.digital_because,
            parameters=0, product=False,
        )
        for name, module in digital_modules(net).items()
        if name.rpartition(".")[0] not in attentions and not any(True for _ in module.parameters())
    ]  # fmt: skip
    return MappingReport(tuple(lines), tuple(notes))


def _with_biases(line: Mapped, biases: int, rows: int) -> Mapped:
    """Return the line of a matrix with the biases of its module, digital or in `rows` of its array."""
    if not rows or line.place != "array":
        return replace(line, biases=biases)
    reason = f"{line.reason}, biases in {rows} row{'s' * (rows > 1)} more"
    return replace(line, reason=reason, parameters=line.parameters + biases)


def _left_digital(
    net: nn.Module, matrices: Sequence[Held], digital: Mapping[str, float]
) -> dict[str, float]:  # fmt: skip
    """Return multiply-accumulates of matrices that the card leaves digital, a module's divided by their
    sizes.
    """
    sizes: dict[str, dict[str, int]] = {}
    for one in matrices:
        if one.digital:
            weight = net.get_submodule(one.module)._parameters[one.matrix.parameter]
            assert weight is not None
            sizes.setdefault(one.module or ROOT, {})[one.name] = one.matrix.part(weight).numel()
    return {
        name: digital.get(module, 0.0) * size / sum(own.values())
        for module, own in sizes.items()
        for name, size in own.items()
    }


def _matrix_line(
    net: nn.Module,
    one: Held,
    macs: Mapping[str, float] | None,
    shared: frozenset[str],
    uses: Mapping[str, frozenset[str]],
    holders: str,
) -> Mapped:
    weight = net.get_submodule(one.module)._parameters[one.matrix.parameter]
    assert weight is not None
    where = one.tied_to or one.name
    place, reason, product = (
        "array",
        f"{' x '.join(map(str, one.matrix.shape(weight)[1:]))} {holders}",
        True,
    )
    if one.matrix.groups > 1:
        reason = f"{one.matrix.groups} blocks of {reason}"
    others = uses.get(f"{one.module}.{one.matrix.parameter}".lstrip("."), frozenset())
    if one.digital:
        place, reason, product = "digital", one.because, one.unasked
    elif where in shared:
        place, reason, product = "digital", "its input is the same for all images", False
    elif macs is not None and where not in macs:
        place, reason, product = "unused", "its forward was never called", False
        if others:
            place, reason, product = (
                "digital",
                f"its weight is read by {', '.join(sorted(others))} instead",
                True,
            )
    elif one.tied_to:
        reason = f"the same parameter as {one.tied_to}: one array"
    also = place == "array" and not others <= HARMLESS
    if also:
        reason += f"; also read as numbers by {', '.join(sorted(others))}"
    return Mapped(
        layer=one.name, kind=one.kind, place=place, reason=reason, parameters=one.matrix.part(weight).numel(),
        operations=None if macs is None else macs.get(one.name, 0.0), tied_to=one.tied_to, product=product,
        also=also,
    )  # fmt: skip


HARMLESS = frozenset(
    "add radd sub mul rmul div cat stack expand expand_as repeat embedding batch_norm layer_norm group_norm "
    "instance_norm unsqueeze squeeze view reshape flatten clone to index_select getitem pad "
    "interpolate prelu "
    "rms_norm sum mean norm to detach numel dim size contiguous float double half".split()
)
"""Functions that are no products with a matrix: a parameter that these take is nothing for an array."""


def _other_line(
    path: str, module: nn.Module, rest: Mapping[str, Any], uses: Mapping[str, frozenset[str]], probed: bool
) -> Mapped:
    """Return the line of the parameters that no layer kind claims as matrices."""
    wide = [name for name, p in rest.items() if p.dim() > 1]
    found = {f for name in wide for f in uses.get(f"{path}.{name}".lstrip("."), frozenset())}
    count = sum(p.numel() for p in rest.values())
    kind, named = type(module).__name__, ", ".join(wide)
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        reason, product = f"{named}: a table that is looked up, no product", False
    elif not wide:
        reason, product = "scale, shift or bias of numbers", False
    elif probed and found <= HARMLESS:
        reason, product = (
            f"{named}: {'taken by ' + ', '.join(sorted(found)) if found else 'not used'}, no product",
            False,
        )
    else:
        how = f" (taken by {', '.join(sorted(found))})" if found else ""
        reason, product = f"{named}{how}: of no known layer kind; see memsim.mapping.lowering", True
    return Mapped(
        layer=path or "net", kind=kind, place="digital", reason=reason, parameters=count, product=product
    )
