"""Graphs of NIR as others write them: other numbers, names and wiring, damaged files; what fits no graph."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memsim.models import LIF
from memsim.models.exchange import from_nir, to_nir
from memsim.models.exchange.per_step import PerStep

nir = pytest.importorskip("nir")


def chain(*nodes, width: int = 4, names: tuple[str, ...] = ("a", "b", "c")):
    ends = nir.Input(input_type={"input": [width]}), nir.Output(output_type={"output": [width]})
    inner = dict(zip(names, nodes, strict=False))
    order = ["input", *inner, "output"]
    edges = list(pairwise(order))
    return nir.NIRGraph({"input": ends[0], **inner, "output": ends[1]}, edges, type_check=False)


def lif(**changes):
    values = {"tau": 1e-2, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.3, "v_reset": 0.0} | changes
    return nir.LIF(**{name: np.full(4, value) for name, value in values.items()})


def weight(rows: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 4))


def euler(x: Tensor, begin: float, dt: float, tau, r, v_leak, v_threshold, v_reset) -> Tensor:
    """Spikes of NIR's neuron, in float64: v += dt/tau (leak - v + r x), above the threshold."""
    v, out = torch.full(x.shape[1:], begin).double(), []
    for step in x.double():
        v = v + dt / tau * (v_leak - v + r * step)
        spike = v > v_threshold
        out.append(spike.float())
        v = torch.where(spike, torch.full_like(v, v_reset), v)
    return torch.stack(out)


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64])
def test_numbers_of_other_types_become_float32(kind):
    numbers = (4 * weight()).astype(kind)
    net = from_nir(chain(nir.Affine(weight=numbers, bias=np.ones(3, kind))))
    x = torch.rand(5, 2, 4)
    expected = x @ torch.as_tensor(numbers.astype(np.float32)).T + 1
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize(
    "changes",
    [{}, {"r": 10.0, "v_threshold": 1.0}, {"tau": 1e-3, "v_threshold": 0.9}, {"r": 2.5, "tau": 5e-3},
     {"v_leak": 0.1, "v_reset": 0.1, "r": 3.0, "v_threshold": 0.5}, {"v_reset": -0.2}],
)  # fmt: skip
def test_neurons_follow_nirs_equation(changes):
    x = 2 * torch.rand(50, 8, 4, generator=torch.Generator().manual_seed(1))
    numbers = {"tau": 1e-2, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.3, "v_reset": 0.0} | changes
    graph = chain(lif(**changes))
    if numbers["v_reset"]:
        with pytest.raises(ValueError, match=r"strict: .*a: its membrane begins at v_reset="):
            from_nir(graph, strict=True)
        with pytest.warns(UserWarning, match=r"begins at v_reset=.*NIR's at 0"):
            net = from_nir(graph, dt=1e-3)
    else:
        net = from_nir(graph, dt=1e-3, strict=True)
    spikes = net(x)
    judge = euler(x, numbers["v_reset"], 1e-3, **numbers)
    assert 0 < float(judge.mean()) < 1 and torch.equal(spikes, judge)


@pytest.mark.parametrize("names", [("a.b", "a_b"), ("keys", "pop"), ("", "training"), ("ü/1", "node")])
def test_nodes_may_have_any_names(names):
    second = 5 * np.eye(3)
    net = from_nir(chain(nir.Linear(weight=weight()), nir.Linear(weight=second), names=names))
    x = torch.rand(2, 1, 4)
    torch.testing.assert_close(net(x), 5 * x @ torch.as_tensor(weight()).float().T)


def _wired(*edges: tuple[str, str]):
    graph = chain(nir.Linear(weight=weight()), nir.Linear(weight=np.eye(3)))
    graph.edges = [("input", "a"), ("a", "b"), ("b", "output"), *edges]
    return graph


def test_loose_ends_are_refused():
    for edge in (("zz", "a"), ("a", "zz")):
        with pytest.raises(ValueError, match=rf"an edge goes from '{edge[0]}' to '{edge[1]}', and there are"):
            from_nir(_wired(edge))
    with pytest.raises(ValueError, match="from 'a' to 'b' is there twice"):
        from_nir(_wired(("a", "b")))
    graph = _wired()
    graph.edges.remove(("a", "b"))
    with pytest.raises(ValueError, match="node 'b' has no input"):
        from_nir(graph)
    graph.edges = [("input", "a"), ("a", "b")]
    with pytest.raises(ValueError, match="node 'output' has no input"):
        from_nir(graph)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"node 'a' \(Affine\): its bias has shape \(5,\)"):
        from_nir(chain(nir.Affine(weight=weight(), bias=np.ones(5))))
    for dt in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="the duration of a time step"):
            from_nir(chain(lif()), dt=dt)
        with pytest.raises(ValueError, match="the duration of a time step"):
            to_nir(nn.Linear(4, 3), (4,), dt=dt)
    with pytest.raises(ValueError, match="node 'a' is a NIRGraph"):
        from_nir(chain(chain(lif())))


def test_damaged_files_are_refused_by_name(tmp_path):
    path, draw = tmp_path / "net.nir", np.random.default_rng(0)
    nir.write(str(path), to_nir(nn.Sequential(nn.Linear(4, 3), LIF()), (4,)))
    whole = path.read_bytes()
    refused = 0
    for n in range(40):
        text = bytearray(whole[: draw.integers(len(whole))] if n % 2 else whole)
        for at in draw.integers(len(text), size=n % 5):
            text[at] = draw.integers(256)
        path.write_bytes(bytes(text))
        try:
            from_nir(path)
        except ValueError as refusal:
            refused += "net.nir" in str(refusal) and len(str(refusal)) < 2000
    assert refused >= 15
    for other in (b"", b"hello"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"net\.nir cannot be read as a graph of NIR"):
            from_nir(path)
    with pytest.raises(ValueError, match="No such file"):
        from_nir(tmp_path / "none.nir")
    with pytest.raises(ValueError, match=r"a nir\.NIRGraph or the path of one is needed, this is a Linear"):
        from_nir(nn.Linear(2, 2))


def test_layers_that_do_not_fit_their_input_are_refused():
    for shape in ((8, 8, 8), (5, 8)):
        with pytest.raises(ValueError, match=r"0: NIR's linear layers take one axis.*put a flatten before"):
            to_nir(nn.Sequential(nn.Linear(8, 8), LIF()), shape)
    with pytest.raises(ValueError, match=r"0: its input has shape \(9,\), and it takes 8; is in_shape right"):
        to_nir(nn.Sequential(nn.Linear(8, 8), LIF()), (9,))
    for shape in ((3, 8, 8), (2, 8)):
        with pytest.raises(ValueError, match=r"0: its input has shape .* and it takes 2"):
            to_nir(nn.Sequential(PerStep(nn.Conv2d(2, 6, 3)), LIF()), shape)
    with pytest.raises(ValueError, match="0: a batch norm without running statistics"):
        norm = PerStep(nn.BatchNorm1d(3, track_running_stats=False))
        to_nir(nn.Sequential(nn.Linear(4, 3), norm), (4,))


@pytest.mark.parametrize(
    "neuron",
    [{"v_reset": -0.3, "tau": 3.0}, {"v_reset": 0.2, "tau": 1.5}, {"v_reset": -0.3, "decay_input": True}],
)
def test_a_reset_means_the_same_to_other_readers(neuron):
    net = LIF(v_threshold=0.6, **neuron)
    node = to_nir(net, (4,)).nodes["node"]
    numbers = {key: float(getattr(node, key)[0]) for key in ("tau", "r", "v_leak", "v_threshold", "v_reset")}
    x = 2 * torch.rand(50, 8, 4, generator=torch.Generator().manual_seed(1)) - 0.3
    judge = euler(x, numbers["v_reset"], 1e-4, **numbers)
    assert 0 < float(judge.mean()) < 1 and torch.equal(net(x), judge)
    assert torch.equal(from_nir(to_nir(net, (4,)))(x), net(x))
    with pytest.raises(ValueError, match=r"with tau=1, NIR's neurons forget v_reset=-0.3"):
        to_nir(LIF(tau=1.0, v_reset=-0.3), (4,))


def test_export_leaves_the_network_as_it_is_and_takes_bfloat16():
    net = nn.Sequential(nn.Linear(4, 3), LIF(), nn.Dropout()).bfloat16()
    net.train()
    net[2].eval()
    graph = to_nir(net, (4,))
    assert [module.training for module in net.modules()] == [True, True, True, False]
    assert np.array_equal(graph.nodes["0"].weight, net[0].weight.detach().float().numpy())
