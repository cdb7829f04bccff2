"""NIR: exported and imported networks fire alike, files and other libraries' readers included."""

from math import inf

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim.models import LIF
from memsim.models.exchange import from_nir, to_nir
from memsim.models.exchange.per_step import PerStep
from memsim.models.parts.neurons import SpikePool

nir = pytest.importorskip("nir")
STEPS, BATCH = 20, 8


def currents(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(STEPS, BATCH, *shape, generator=torch.Generator().manual_seed(seed))


def two_layers(**neuron) -> nn.Sequential:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(30, 40), LIF(**neuron), nn.Linear(40, 10), LIF(**neuron)).eval()
    for layer in (net[0], net[2]):
        nn.init.normal_(layer.weight, 0.1, 0.4)
    return net


def spikes_of(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Spikes of every LIF layer, in order."""
    found: list[Tensor] = []
    hooks = [
        m.register_forward_hook(lambda *a: found.append(a[2])) for m in net.modules() if isinstance(m, LIF)
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return found


def differing(ours: nn.Module, theirs: nn.Module, x: Tensor) -> int:
    pairs = list(zip(spikes_of(ours, x), spikes_of(theirs, x), strict=True))
    assert pairs and all(0.02 < float(a.mean()) < 0.98 for a, _ in pairs)
    return sum(int((a != b).sum()) for a, b in pairs)


@pytest.mark.parametrize(
    "neuron",
    [
        {},
        {"decay_input": True},
        {"tau": inf},
        {"tau": 1.0},
        {"tau": 4 / 3, "v_threshold": 0.5, "v_reset": -0.5},
    ],
)
def test_two_layers_of_twenty_steps_fire_alike_after_export_and_import(neuron, tmp_path):
    net, x = two_layers(**neuron), 2 * currents(30)
    graph = to_nir(net, (30,))
    assert differing(net, from_nir(graph), x) == 0
    nir.write(str(tmp_path / "net.nir"), graph)
    assert differing(net, from_nir(tmp_path / "net.nir"), x) == 0


def convolutions() -> nn.Sequential:
    torch.manual_seed(2)
    norm = nn.BatchNorm2d(6)
    net = nn.Sequential(
        PerStep(nn.Conv2d(2, 6, 3, padding=1, bias=False)), PerStep(norm), LIF(), PerStep(SpikePool(3, 2, 1)),
        PerStep(nn.Conv2d(6, 5, 3, stride=2)), LIF(v_threshold=0.2), PerStep(nn.AvgPool2d(2, 1)),
        nn.Flatten(2), nn.Linear(5, 4),
    )  # fmt: skip
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    with torch.no_grad():
        net.train()(2 * currents(2, 12, 12, seed=3))
    return net.eval()


def test_convolutions_norms_and_pools():
    net, x = convolutions(), 2 * currents(2, 12, 12)
    graph = to_nir(net, (2, 12, 12), strict=True)
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert kinds == [
        "Input", "Conv2d", "LIF", "SumPool2d", "Threshold", "Conv2d", "LIF", "AvgPool2d", "Flatten", "Affine",
        "Output",
    ]  # fmt: skip
    again = from_nir(graph)
    assert differing(net, again, x) == 0
    with torch.no_grad():
        torch.testing.assert_close(again(x), net(x), rtol=1e-4, atol=1e-5)


def test_spikingjelly_reads_the_graph_and_fires_alike():
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    net, x = two_layers(), 2 * currents(30)
    theirs = exchange.import_from_nir(to_nir(net, (30,)))
    state, out = None, []
    with torch.no_grad():
        for step in x:
            answer, state = theirs(step, state)
            out.append(answer)
        assert int((torch.stack(out) != net(x)).sum()) == 0


def test_spikingjellys_graph_is_read():
    """Its LIF has r = 1 or tau and fires at the threshold; random numbers never lie on one."""
    sj = pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

    assert sj
    torch.manual_seed(0)
    net = nn.Sequential(layer.Linear(30, 20), neuron.LIFNode(tau=3.0), layer.Linear(20, 5), neuron.IFNode())
    graph = nir_exchange.export_to_nir(net, torch.zeros(1, 30))
    functional.set_step_mode(net, "m")
    x = 4 * currents(30)
    with torch.no_grad():
        judge = net(x)
        assert 0 < float(judge.mean()) < 1 and int((from_nir(graph)(x) != judge).sum()) == 0


def test_edges_into_one_node_add_up_and_scales_count():
    nodes = {
        "input": nir.Input(input_type={"input": [3]}), "a": nir.Scale(torch.tensor([1.0, 2.0, 3.0]).numpy()),
        "b": nir.Linear(torch.eye(3).numpy()), "output": nir.Output(output_type={"output": [3]}),
    }  # fmt: skip
    edges = [("input", "a"), ("input", "b"), ("a", "output"), ("b", "output")]
    net = from_nir(nir.NIRGraph(nodes, edges, type_check=False))
    assert net(torch.ones(2, 1, 3)).tolist() == [[[2, 3, 4]]] * 2


def test_an_imported_network_runs_on_ideal_crossbars():
    net, x = from_nir(to_nir(convolutions(), (2, 12, 12))).double(), 2 * currents(2, 12, 12).double()
    card = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    chip = memsim.to_crossbar(net, card, chips=1, batch_axis=1, calibration=x, output=lambda y: y.mean(0))
    with torch.no_grad():
        torch.testing.assert_close(chip.program()(x)[0], net(x).mean(0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("net", "shape", "says"),
    [
        (
            nn.Sequential(nn.Linear(3, 3), nn.ReLU()),
            (3,),
            r"1 \(torch.nn.modules.activation.ReLU\) cannot be",
        ),
        (nn.Sequential(nn.BatchNorm1d(3)), (3,), "0: a batch norm must follow"),
        (nn.Sequential(PerStep(nn.MaxPool2d(2))), (1, 4, 4), "no spikes has no NIR primitive"),
        (nn.Sequential(PerStep(nn.Conv2d(2, 2, 3, groups=2))), (2, 4, 4), "groups=2"),
        (nn.Sequential(PerStep(nn.AvgPool2d(2, ceil_mode=True))), (1, 4, 4), "ceil_mode"),
    ],
)
def test_what_cannot_be_exported_is_named(net, shape, says):
    with pytest.raises(ValueError, match=says):
        to_nir(net, shape)


def test_strict_refuses_what_is_lost():
    net = two_layers(v_reset=-0.25)
    assert "begins at v_reset=-0.25" in to_nir(net, (30,)).metadata["memsim_lost"]
    with pytest.raises(
        ValueError, match=r"strict: NIR cannot express 1: its membrane begins at v_reset=-0.25"
    ):
        to_nir(net, (30,), strict=True)


def lif(**changes):
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changes
    return nir.LIF(
        **{name: torch.as_tensor(value).double().expand(3).numpy() for name, value in values.items()}
    )


def alone(node, metadata=None):
    ends = {"input": nir.Input(input_type={"input": [3]}), "output": nir.Output(output_type={"output": [3]})}
    edges = [("input", "node"), ("node", "output")]
    return nir.NIRGraph({**ends, "node": node}, edges, metadata=metadata or {}, type_check=False)


def test_neurons_from_elsewhere_fire_above_their_threshold():
    x = torch.tensor([1.0, 1.0 + 2**-23, 0.9]).expand(1, 1, 3)
    assert from_nir(alone(lif()))(x).tolist() == [[[0, 1, 0]]]
    assert LIF()(x).tolist() == [[[1, 1, 0]]]


def test_another_resistance_is_a_scale():
    x = currents(3)
    with torch.no_grad():
        found = from_nir(alone(lif(r=5.0)))(x)
        assert torch.equal(found, LIF(v_threshold=1 + 2**-23)(2.5 * x)) and 0 < float(found.mean()) < 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tau": [1e-4, 2e-4, 3e-4]}, r"node 'node' \(LIF\): tau differs between neurons"),
        ({"tau": 1e-5}, "shorter than the time step"),
        ({"v_leak": 0.25}, r"v_leak = 0.25 must be 0 or v_reset = 0"),
    ],
)
def test_neurons_without_counterpart(changes, says):
    with pytest.raises(ValueError, match=says):
        from_nir(alone(lif(**changes)))


def test_other_primitives_and_cycles_are_refused():
    one = torch.ones(3).numpy()
    with pytest.raises(ValueError, match="node 'node' is a CubaLIF"):
        from_nir(alone(nir.CubaLIF(one, one, one, one, one, one, one)))
    graph = alone(lif())
    graph.edges.append(("node", "node"))
    with pytest.raises(ValueError, match="has a cycle, node -> node"):
        from_nir(graph)
