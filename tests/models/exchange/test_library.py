"""Networks of other libraries: the same weights fire the same spikes; what has no counterpart is named."""

from math import inf

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim.models import LIF
from memsim.models.exchange import from_library, neuron_of

STEPS, NEURONS = 50, 2000
CURRENTS = torch.randn(STEPS, NEURONS, generator=torch.Generator().manual_seed(0)) * 1.5 + 0.8


def differing(ours: nn.Module, theirs: Tensor) -> int:
    with torch.no_grad():
        found = ours(CURRENTS)
    assert found.numel() == 100_000 and 0.03 < float(found.mean()) < 0.7
    return int((found != theirs).sum())


class TestSpikingJelly:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("spikingjelly.activation_based")

    @pytest.mark.parametrize(
        ("kind", "settings", "law"),
        [
            ("LIFNode", {"tau": 2.0}, {"decay_input": True}),
            ("LIFNode", {"tau": 4 / 3, "decay_input": False, "v_threshold": 0.5}, {"v_threshold": 0.5}),
            ("LIFNode", {"tau": 3.0, "v_reset": -0.3}, {"v_reset": -0.3}),
            ("ParametricLIFNode", {"init_tau": 2.5}, {"tau": pytest.approx(2.5)}),
            ("IFNode", {}, {"tau": inf, "decay_input": False}),
        ],
    )
    def test_no_spike_of_100_000_differs(self, kind, settings, law):
        from spikingjelly.activation_based import neuron

        theirs = getattr(neuron, kind)(step_mode="m", **settings)
        ours = neuron_of("n", theirs)
        assert isinstance(ours, LIF) and {key: getattr(ours, key) for key in law} == law
        with torch.no_grad():
            assert differing(ours, theirs(CURRENTS)) == 0

    def network(self) -> nn.Module:
        from spikingjelly.activation_based import functional, layer, neuron

        torch.manual_seed(0)
        net = nn.Sequential(
            layer.Conv2d(2, 6, 3, padding=1, bias=False), layer.BatchNorm2d(6), neuron.LIFNode(),
            layer.MaxPool2d(2, 2), layer.SeqToANNContainer(nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8)),
            neuron.IFNode(), layer.AvgPool2d(2), layer.Flatten(), layer.Dropout(0.5), layer.Linear(32, 5),
        )  # fmt: skip
        functional.set_step_mode(net, "m")
        with torch.no_grad():
            net.train()(3 * torch.rand(6, 4, 2, 12, 12))  # gives the batch norms statistics
        functional.reset_net(net)
        return net.eval()

    def test_a_network_and_its_chips(self):
        theirs = self.network()
        x = 3 * torch.rand(6, 4, 2, 12, 12)
        ours = from_library(theirs)
        assert not any("spikingjelly" in type(m).__module__ for m in ours.modules())
        with torch.no_grad():
            judge = theirs(x)
            torch.testing.assert_close(ours(x), judge, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(ours(x), judge, rtol=1e-5, atol=1e-6)  # no state is left
        card = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
        chip = memsim.to_crossbar(ours.double(), card, chips=1, batch_axis=1, calibration=x.double())
        with torch.no_grad():
            found = chip.program()(x.double())[0]
            torch.testing.assert_close(found, ours(x.double()), rtol=1e-9, atol=1e-9)

    def test_a_network_of_the_library_keeps_its_own_forward(self):
        from spikingjelly.activation_based import functional
        from spikingjelly.activation_based.model import sew_resnet
        from spikingjelly.activation_based.neuron import IFNode

        torch.manual_seed(0)
        theirs = sew_resnet.sew_resnet18(num_classes=4, spiking_neuron=IFNode, cnf="ADD")
        functional.set_step_mode(theirs, "m")
        x = 2 * torch.rand(2, 2, 3, 32, 32)
        with torch.no_grad():
            judge = theirs.eval()(x)
            torch.testing.assert_close(from_library(theirs)(x), judge, rtol=1e-4, atol=1e-5)

    def test_refusals(self):
        from spikingjelly.activation_based import layer, neuron

        with pytest.raises(ValueError, match=r"0 .*Conv2d\) is in step mode 's'.*set_step_mode"):
            from_library(nn.Sequential(layer.Conv2d(1, 1, 3), neuron.LIFNode(step_mode="m")))
        with pytest.raises(ValueError, match=r"0 .*LIFNode\): v_reset=None is a soft reset"):
            from_library(nn.Sequential(neuron.LIFNode(v_reset=None, step_mode="m")))
        with pytest.raises(ValueError, match="leaks towards v_reset"):
            neuron_of("n", neuron.LIFNode(v_reset=-0.5, decay_input=False))
        with pytest.raises(ValueError, match=r"IzhikevichNode\) is a neuron that memsim does not compute"):
            from_library(nn.Sequential(neuron.IzhikevichNode(step_mode="m")))


class TestSnnTorch:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("snntorch")

    @pytest.mark.parametrize("beta", [0.5, 0.9, 1.0, 0.0])
    @pytest.mark.parametrize("delay", [True, False])
    def test_no_spike_of_100_000_differs(self, beta, delay):
        import snntorch

        settings = {"reset_mechanism": "zero", "reset_delay": delay, "init_hidden": True}
        theirs = snntorch.Leaky(beta, **settings)
        with torch.no_grad():
            judge = torch.stack([theirs(step) for step in CURRENTS])
            assert differing(neuron_of("n", theirs), judge) == 0

    def test_it_fires_above_its_threshold(self):
        import snntorch

        theirs = snntorch.Leaky(0.5, reset_mechanism="zero", init_hidden=True)
        x = torch.tensor([[1.0, 1.0 + 2**-23, 0.5]])
        assert neuron_of("n", theirs)(x).tolist() == [theirs(x[0]).tolist()] == [[0, 1, 0]]

    def test_a_chain(self):
        import snntorch

        torch.manual_seed(0)
        settings = {"reset_mechanism": "zero", "init_hidden": True}
        theirs = nn.Sequential(
            nn.Conv2d(1, 4, 3), snntorch.Leaky(0.8, **settings), nn.Flatten(), nn.Linear(144, 7),
            snntorch.Leaky(0.5, threshold=0.3, **settings),
        )  # fmt: skip
        x = 9 * torch.randn(20, 5, 1, 8, 8)
        with torch.no_grad():
            judge = torch.stack([theirs(step) for step in x])
            ours = from_library(theirs)(x)
        assert torch.equal(ours, judge) and 0.01 < float(judge.mean()) < 0.9

    def test_refusals(self):
        import snntorch

        with pytest.raises(ValueError, match="reset_mechanism='subtract': memsim resets to zero"):
            neuron_of("n", snntorch.Leaky(0.5))
        with pytest.raises(ValueError, match=r"beta differs between neurons, from 0.1 to 0.9"):
            neuron_of("n", snntorch.Leaky(torch.tensor([0.1, 0.9]), reset_mechanism="zero"))
        with pytest.raises(ValueError, match=r"Synaptic\) is a neuron that memsim does not compute"):
            neuron_of("n", snntorch.Synaptic(0.9, 0.8))
        with pytest.raises(ValueError, match="init_hidden=True"):
            from_library(nn.Sequential(snntorch.Leaky(0.5, reset_mechanism="zero")))

        class Own(nn.Module):
            def __init__(self):
                super().__init__()
                self.neuron = snntorch.Leaky(0.5)

        with pytest.raises(ValueError, match=r"the network \(.*Own\) steps through time by its own forward"):
            from_library(Own())


class TestNorse:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("norse.torch")

    def test_no_spike_of_100_000_differs(self):
        import norse.torch as norse

        p = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(500.0), v_th=torch.tensor(0.4))
        theirs, state, spikes = norse.LIFBoxCell(p, dt=1e-3), None, []
        with torch.no_grad():
            for step in CURRENTS:
                out, state = theirs(step, state)
                spikes.append(out)
            assert differing(neuron_of("n", theirs), torch.stack(spikes)) == 0

    def test_a_chain(self):
        import norse.torch as norse

        torch.manual_seed(0)
        p = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(500.0), v_th=torch.tensor(0.3))
        theirs = norse.SequentialState(nn.Linear(12, 30), norse.LIFBoxCell(p), nn.Linear(30, 4))
        x, state, judge = 3 * torch.randn(20, 6, 12), None, []
        with torch.no_grad():
            for step in x:
                out, state = theirs(step, state)
                judge.append(out)
            torch.testing.assert_close(from_library(theirs)(x), torch.stack(judge), rtol=1e-5, atol=1e-6)

    def test_refusals(self):
        import norse.torch as norse

        with pytest.raises(ValueError, match=r"LIFCell\) is a neuron that memsim does not compute"):
            neuron_of("n", norse.LIFCell())
        p = norse.LIFBoxParameters(v_leak=torch.tensor(0.25))
        with pytest.raises(ValueError, match=r"v_leak=0.25 must be v_reset=0"):
            neuron_of("n", norse.LIFBoxCell(p))


def test_a_network_of_none_of_them_is_refused():
    with pytest.raises(ValueError, match="no module of SpikingJelly, snnTorch or Norse"):
        from_library(nn.Linear(3, 3))


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (lambda layer, neuron: layer.WSConv2d(2, 5, 3), "WSConv2d.* has no counterpart among torch's layers"),
        (lambda layer, neuron: layer.DropConnectLinear(6, 6), "keeps a state of its own"),
        (lambda layer, neuron: layer.TemporalEffectiveBatchNorm2d(4, 2), "has no counterpart"),
        (lambda layer, neuron: neuron.GatedLIFNode(T=4), "keeps a state of its own"),
        (lambda layer, neuron: neuron.NonSpikingLIFNode(), "keeps a state of its own|does not compute"),
        (lambda layer, neuron: layer.BatchNormThroughTime2d(4, 2), "keeps a state of its own"),
    ],
)
def test_layers_with_arithmetic_or_a_state_of_their_own_are_refused(module, says):
    pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, layer, neuron

    net = nn.Sequential(module(layer, neuron), neuron.IFNode())
    functional.set_step_mode(net, "m")
    with pytest.raises(ValueError, match=rf"^0(\.\w+)? \(.*({says})"):
        from_library(net)


def test_threshold_dependent_norms_are_torchs():
    pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, layer, neuron

    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Conv2d(2, 5, 3), layer.ThresholdDependentBatchNorm2d(1.0, 1.0, 5), neuron.IFNode()
    )
    functional.set_step_mode(net, "m")
    x = 2 * torch.randn(6, 4, 2, 8, 8)
    with torch.no_grad():
        net(x)
        functional.reset_net(net.eval())
        judge = net(x)
        assert 0 < float(judge.mean()) < 1 and torch.equal(from_library(net)(x), judge)
