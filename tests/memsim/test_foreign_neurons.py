"""Networks of SpikingJelly, snnTorch and Norse: a step for each neuron and time step, in loops and out."""

import pytest
import torch
from torch import Tensor, nn

from memsim.energy.census import ROOT, Census
from memsim.energy.digital_work import DigitalWork
from memsim.energy.work import Matrix, Neurons

STEPS, BATCH = 4, 2


def totals(net: nn.Module, x: Tensor) -> dict[tuple[str, str], float]:
    with torch.no_grad(), Census(net.eval(), images=BATCH) as found:
        net(x)
    return found.tally.totals()


def works(net: nn.Module, x: Tensor, batch_axis: int) -> dict[tuple[str, type], object]:
    with torch.no_grad(), DigitalWork(net.eval(), batch_axis) as found:
        net(x)
    return {(work.name, type(work)): work for work in found.works}


def pictures() -> Tensor:
    """Spikes (T, B, C, h, w)."""
    return (torch.rand(STEPS, BATCH, 1, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.5).float()


class Loop(nn.Module):
    """A network called once for each time step; the last axis-free answer counts."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.net(part) for part in x])


class TestSpikingJelly:
    def network(self, step_mode: str) -> nn.Module:
        layer = pytest.importorskip("spikingjelly.activation_based.layer")
        from spikingjelly.activation_based import functional, neuron

        torch.manual_seed(0)
        net = nn.Sequential(
            layer.Conv2d(1, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4), neuron.IFNode(),
            layer.MaxPool2d(2, 2), layer.Flatten(), layer.Linear(64, 3, bias=False), neuron.LIFNode(),
        )  # fmt: skip
        functional.set_step_mode(net, step_mode)
        return net

    def test_a_csnn_by_hand_in_one_call(self):
        x = pictures()
        found = totals(self.network("m"), x)
        seen = float(nn.functional.conv2d(x.flatten(0, 1), torch.ones(4, 1, 3, 3), padding=1).sum())
        maps = STEPS * BATCH * 4 * 64
        assert found["0", "digital-add"] == seen
        assert found["1", "digital-mac"] == maps
        assert found["2", "neuron-step"] == maps
        assert found["3", "digital-compare"] == maps / 4 * 3
        assert 0 < found["5", "digital-add"] <= STEPS * BATCH * 64 * 3
        assert found["6", "neuron-step"] == STEPS * BATCH * 3
        assert len(found) == 6  # nothing else, no inside of a neuron

    def test_a_loop_over_steps_counts_the_same(self):
        x = pictures()
        single = {
            (name.removeprefix("net."), event): n
            for (name, event), n in totals(Loop(self.network("s")), x).items()
        }
        assert single == totals(self.network("m"), x)

    def test_baselines_get_the_same_counts(self):
        x = pictures()
        once = works(self.network("m"), x, 1)
        loop = works(Loop(self.network("s")), x, 1)
        for (name, kind), work in once.items():
            other = loop[f"net.{name}", kind]
            assert vars(work) | {"name": ""} == vars(other) | {"name": ""}
        conv, lif = once["0", Matrix], once["2", Neurons]
        assert (conv.rows, conv.columns, conv.positions, conv.passes, conv.inputs) == (9, 4, 64, STEPS, 64)
        assert (lif.number, lif.steps) == (256, STEPS)

    def test_numbers_in_a_loop_are_paid_in_every_step(self):
        x = pictures() / 2
        loop = works(Loop(self.network("s")), x, 1)["net.0", Matrix]
        assert not loop.spikes and loop.dense * loop.passes == STEPS * 64 * 4 * 9


def test_a_loop_of_snntorch():
    snntorch = pytest.importorskip("snntorch")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(6, 5, bias=False), snntorch.Leaky(beta=0.9)

        def forward(self, x: Tensor) -> Tensor:
            membrane, spikes = self.lif.init_leaky(), []
            for part in x:
                spike, membrane = self.lif(self.fc(part), membrane)
                spikes.append(spike)
            return torch.stack(spikes)

    x = torch.randn(STEPS, BATCH, 6)
    assert totals(Net(), x) == {
        ("fc", "digital-mac"): STEPS * BATCH * 30,
        ("lif", "neuron-step"): STEPS * BATCH * 5,
    }
    matrix = works(Net(), x, 1)["fc", Matrix]
    assert (matrix.positions, matrix.passes) == (1, STEPS)


class TestNorse:
    def test_cell_and_sequence(self):
        norse = pytest.importorskip("norse.torch")

        class Cell(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.lif = norse.LIFCell()

            def forward(self, x: Tensor) -> Tensor:
                state, spikes = None, []
                for part in x:
                    spike, state = self.lif(part, state)
                    spikes.append(spike)
                return torch.stack(spikes)

        x = torch.randn(STEPS, BATCH, 6)
        assert totals(Cell(), x) == {("lif", "neuron-step"): STEPS * BATCH * 6}
        assert totals(norse.LIF(), x) == {(ROOT, "neuron-step"): STEPS * BATCH * 6}

    def test_recurrent_weights_are_no_part_of_the_neurons_step(self):
        norse = pytest.importorskip("norse.torch")
        found = totals(norse.LIFRecurrentCell(6, 5), torch.randn(BATCH, 6))
        assert found[ROOT, "neuron-step"] == BATCH * 5
        assert found[ROOT, "digital-mac"] == BATCH * 6 * 5
