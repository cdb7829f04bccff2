"""Every network of the zoo on crossbars: its chips apart, its images apart, ideal equal to digital, all of it
reported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import memsim
from tests.zoo.entry import Entry, Inputs, Made, seeded
from tests.zoo.networks import ENTRIES
from tests.zoo.reference import digital, double, listening, part, tensors

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
"""torch says that it copies the input, as it would without us."""

IDEAL: dict[str, Any] = {"weights": {"cell": "ideal"}, "attention": {"cell": "ideal"}}
IMAGES = 4


@dataclass
class Stand:
    """A network of the zoo on several chips (three, or two of a big one), with pictures to show it."""

    entry: Entry
    made: Made
    calibration: Inputs
    inputs: Inputs
    chip: memsim.Chip

    @property
    def axis(self) -> int:
        return self.made.options.get("batch_axis", 0)

    def on(self, card: memsim.ChipCard, chips: Any, made: Made | None = None) -> memsim.Chip:
        """The network on other chips, programmed and an hour old."""
        made = made or self.entry.make()
        return on_chips(made, card, chips, self.calibration)

    def run(self, chip: memsim.Chip, images: list[int], **how: Any) -> list[Tensor]:
        """Run some of the images; the outputs with axes (chips, images, ...)."""
        inputs = part(self.inputs, images, self.axis)
        with torch.no_grad():
            out = tensors(chip(*inputs.args, **inputs.kwargs, **how))
        return [one.movedim(axis + 1, 1) for one, axis in zip(out, self.made.axes, strict=True)]


def on_chips(made: Made, card: memsim.ChipCard, chips: Any, calibration: Inputs) -> memsim.Chip:
    """A network on chips, programmed and an hour old; what stays digital is told by the report."""
    named = {"x": calibration.args[0], **calibration.kwargs}
    images = named if calibration.kwargs else calibration.args
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        chip = memsim.to_crossbar(made.net, card, chips=chips, seed=5, calibration=images, **made.options)
        return chip.program().advance_to(3600.0)


def cases() -> list[Any]:
    """The entries as parameters of a fixture, the big ones marked slow."""
    found = []
    for entry in ENTRIES:
        marks = [pytest.mark.slow] if entry.slow else []
        if entry.missing:
            marks.append(pytest.mark.skip(reason=f"{entry.needs} is not installed"))
        found.append(pytest.param(entry, id=entry.name, marks=marks))
    return found


@pytest.fixture(scope="module", params=cases())
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    entry: Entry = request.param
    made = entry.make()
    with seeded(entry.name + " images"):
        calibration, inputs = made.draw(6), made.draw(IMAGES)
    chip = on_chips(made, memsim.ChipCard.load("default"), 2 if entry.slow else 3, calibration)
    yield Stand(entry, made, calibration, inputs, chip)


SCALAR = ("efficientnet_b0",)
"""Networks whose SiLU torch computes in vectors but for the last few values of a tensor, whose last bits then
differ with the number of chips; the converters' ranges may follow.  They are held to the bit without vectors.
"""


def test_a_chip_is_the_same_alone_and_beside_others(stand: Stand, request: pytest.FixtureRequest) -> None:
    if stand.entry.name in SCALAR and os.environ.get("ATEN_CPU_CAPABILITY") != "default":
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "slow or not slow"]
        env = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
        root = request.config.rootpath
        subprocess.run([*command, request.node.nodeid], check=True, cwd=root, env=env, timeout=600)
        return
    beside = stand.run(stand.chip, [0, 1, 2, 3], image=range(4))
    alone = stand.run(stand.on(stand.chip.card, [1]), [0, 1, 2, 3], image=range(4))
    for many, one in zip(beside, alone, strict=True):
        assert torch.equal(many[1], one[0])


def test_an_image_is_the_same_alone_and_in_any_batch(stand: Stand) -> None:
    whole = stand.run(stand.chip, [0, 1, 2, 3], image=[7, 3, 9, 1])
    pair = stand.run(stand.chip, [2, 1], image=[9, 3])
    alone = stand.run(stand.chip, [3], image=[1])
    for all_four, two, one in zip(whole, pair, alone, strict=True):
        assert torch.equal(all_four[:, [2, 1]], two)
        assert torch.equal(all_four[:, [3]], one)


def test_ideal_chips_equal_the_digital_network(stand: Stand) -> None:
    """In float64, to 1e-10 of the largest number; every spike."""
    net, inputs = digital(stand.entry), double(stand.inputs)
    with torch.no_grad(), listening(net) as wanted_spikes:
        wanted = tensors(net(*inputs.args, **inputs.kwargs))
    chip = stand.on(memsim.ChipCard.load("default").replace(**IDEAL), 1)
    with listening(chip.net) as spikes:
        got = stand.run(chip, [0, 1, 2, 3])
    for one, digits, axis in zip(got, wanted, stand.made.axes, strict=True):
        assert one.shape[0] == 1
        reference = digits.double().movedim(axis, 0)
        assert (one[0].double() - reference).abs().max() <= 1e-10 * reference.abs().max()
    assert bool(wanted_spikes) == stand.made.spikes
    assert len(spikes) == len(wanted_spikes)
    for one, digits in zip(spikes, wanted_spikes, strict=True):
        assert torch.equal(one.double(), digits.double())


def test_chips_differ(stand: Stand) -> None:
    out = stand.run(stand.chip, [0, 1, 2, 3], image=range(4))
    assert any((one.double().std(0) > 0).any() for one in out)
    assert all(torch.isfinite(one).all() for one in out)


def module_of(parameter: str) -> str:
    """The module that a parameter belongs to, wrappers and parametrisations taken off."""
    plain = parameter.removeprefix("_orig_mod.").removeprefix("module.")
    return plain.partition("parametrizations.")[0].rpartition(".")[0]


def test_every_matrix_is_reported(stand: Stand) -> None:
    """On an array, or digital for a reason; what the zoo knows to be digital is, and nothing else."""
    report, net = stand.chip.mapping, stand.entry.make().net
    wide = {name for name, p in net.named_parameters(remove_duplicate=False) if p.dim() > 1}
    for module in {module_of(name) for name in wide}:
        lines = [line for line in report if line.layer == (module or "net")]
        if module not in {module_of(name) for name in stand.made.digital}:  # several matrices, or one
            lines = [line for line in report if f"{line.layer}.".startswith(f"{module}." if module else "")]
            assert "array" in {line.place for line in lines}, f"{module}:\n{report}"
        else:
            assert [line.place for line in lines] == ["digital"], f"{module}:\n{report}"
        assert all(line.reason for line in lines)
    counted = sum((0 if line.tied_to else line.parameters) + line.biases for line in report)
    assert counted == sum(p.numel() for p in stand.chip.net.parameters())
    if stand.made.arrays is not None:
        assert len(stand.chip.weight_arrays) == stand.made.arrays


def test_noise_is_new_in_every_call_and_kept_by_name(stand: Stand) -> None:
    chip = stand.chip
    named = [stand.run(chip, [0, 1], image=[4, 5]) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*named, strict=True))
    chip.program().advance_to(3600.0)
    on = [stand.run(chip, [0, 1, 2, 3]) for _ in range(4)]
    assert any(not torch.equal(a, b) for other in on[1:] for a, b in zip(on[0], other, strict=True))
    chip.program().advance_to(3600.0)
    assert all(torch.equal(a, b) for a, b in zip(on[0], stand.run(chip, [0, 1, 2, 3]), strict=True))
