"""Event frames on crossbars: time steps as they come, one drive of the arrays for each."""

from dataclasses import replace

import torch
from torch import nn

import memsim
from memsim import models
from memsim.models import datasets
from memsim.models.datasets.events import Frames
from memsim.models.datasets.events.made import DIGITS, PIXEL, saccades

STEPS, BATCH = 3, 4


class OverTime(nn.Module):
    """Event frames (T, B, C, h, w) -> logits of each step, spikes carried from step to step, summed."""

    def __init__(self):
        super().__init__()
        self.conv, self.lif, self.head = nn.Conv2d(2, 3, 6, 6), models.LIF(v_threshold=0.2), nn.Linear(75, 10)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        currents = self.conv(steps.flatten(0, 1)).unflatten(0, steps.shape[:2])
        return self.head(self.lif(currents).flatten(2)).sum(0)


def frames() -> torch.Tensor:
    """Binary frames (T, B, 2, 34, 34) of digits before the camera."""
    few = datasets.load("digits").x_test[:BATCH]
    counted = [Frames(steps=STEPS, binary=True)(one) for one in DIGITS.record_events(few, PIXEL)]
    return torch.stack([torch.from_numpy(one) for one in counted], 1)


def few_frames() -> models.Dataset:
    """A data set of 12 samples a part."""
    digits = datasets.load("digits")
    few = {
        f"{x}_{part}": getattr(digits, f"{x}_{part}")[:12] for x in "xy" for part in ("train", "val", "test")
    }
    return saccades(replace(digits, **few), "few", saccade=DIGITS, frames=Frames(steps=STEPS))


def test_ideal_chips_answer_event_frames_as_the_network_does():
    torch.manual_seed(0)
    net, x = OverTime().double().eval(), frames().double()
    card = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    chip = memsim.to_crossbar(net, card, chips=2, batch_axis=1, calibration=x).program()
    with torch.no_grad():
        torch.testing.assert_close(chip(x), net(x).expand(2, -1, -1), rtol=1e-9, atol=1e-9)
    spikes = chip.record(x).spikes["lif"]
    assert 0 < float(spikes.double().mean()) < 1


def test_compare_takes_event_frames_by_the_name_of_their_set():
    torch.manual_seed(0)
    net = OverTime()
    found = memsim.compare(net, "default", "digits-saccade", chips=1, images=8)
    data = datasets.load("digits-saccade")
    with torch.no_grad():
        right = net.eval()(data.x_test[:8].transpose(0, 1)).argmax(-1) == data.y_test[:8]
    assert found.digital_accuracy == float(right.double().mean())
    assert 0 <= found.accuracy.mean <= 1 and found.chip is not None


def test_hardware_aware_training_takes_event_frames():
    torch.manual_seed(0)
    data = few_frames()
    net = models.harden(OverTime(), data, "default", recipe=models.Recipe(epochs=1, batch=8), seed=0)
    assert net.calibration_images.shape == (STEPS, 12, 2, 34, 34)


def test_every_time_step_drives_the_first_array_by_its_own_events():
    """Rows driven are the events under the convolution's windows, of all steps; none is held."""
    torch.manual_seed(0)
    net, x = OverTime().eval(), frames()
    chip = memsim.to_crossbar(net, "default", chips=1, seed=0, batch_axis=1, calibration=x).program()
    chip(x)
    seen = nn.functional.conv2d(x.flatten(0, 1), torch.ones(1, 2, 6, 6), stride=6).sum()
    assert chip.ledger.number("row-drive", "conv") == float(seen) / BATCH
    assert len({float(step.sum()) for step in x}) == STEPS
