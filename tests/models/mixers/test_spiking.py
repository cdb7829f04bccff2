"""The spiking twin: S2TDPT's window as a rule on lines is the STDP attention of the spiking transformer."""

import pytest
import torch
from torch.testing import assert_close

from memsim import ChipCard, models
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.line_design import LineDesign
from memsim.memory.lines import IdealLines, Lines
from memsim.memory.ranges import LineRanges
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.rules.softmax import SOFTMAX
from memsim.models.mixers.rules.stdp import stdp
from memsim.models.mixers.spiking import SpikingAttention
from memsim.models.parts.stdp import WINDOWS, Window

T, B, H, N, D = 3, 2, 2, 7, 6
IDEAL = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})


def spikes(seed: int, rate: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(T, B, H, N, D, generator=generator) < rate).double()


def on_arrays() -> Lines:
    design = LineDesign(name="m", card=IDEAL, heads=H, keys=D, values=D, capacity=N)
    one = torch.ones(1, H, dtype=torch.float64)
    ranges = LineRanges(query=one, key=one, value=one, score=D * one, out=10 * one)
    return CrossbarLines(design, ranges, images=range(B))


@pytest.mark.parametrize("window", [*WINDOWS.values(), Window(shape="linear"), Window(levels=8)])
@pytest.mark.parametrize("make", [IdealLines, on_arrays])
def test_the_window_on_lines_is_stdp_attention(window: Window, make) -> None:
    """A line a token, written once; all tokens read all lines, as the transformer's do, step by step."""
    q, k, v = spikes(0, 0.3), spikes(1, 0.4), spikes(2, 0.5)
    attention = models.STDPAttention(heads=H, head_dim=D, window=window)
    wanted, weights, rule = attention(q, k, v), attention.weights(q, k), stdp(window, D)
    for step in range(T):
        lines = make()
        for j in range(N):
            lines.append(k[step, :, :, j], v[step, :, :, j])
        for i in range(N):
            z = lines.match(torch.ones(B, H, D, dtype=torch.float64))
            gate = -q[step, :, :, i].sum(-1)[..., None].expand_as(z)
            w = rule.weigh(z[..., None, :], gate[..., None, :], torch.ones(1, N, dtype=torch.bool))[..., 0, :]
            assert_close(w, weights[step, :, :, i], rtol=0, atol=1e-12)
            assert_close(lines.blend(w), wanted[step, :, :, i], rtol=0, atol=1e-12)


def test_counts_are_whole_and_bounded_and_gradients_reach_both_sides() -> None:
    torch.manual_seed(0)
    mixer = SpikingAttention(Shape(width=12, heads=2), steps=3)
    x = 3 * torch.randn(2, 5, 12)
    found = mixer.counts(x)
    assert set(found.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0} and found.max() == 3
    mixer(x).square().sum().backward()
    for part in (mixer.query, mixer.key, mixer.value):
        assert part.weight.grad is not None and part.weight.grad.abs().sum() > 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="steps = 0"):
        SpikingAttention(Shape(width=4), steps=0)
    with pytest.raises(ValueError, match="window has no effect together with the rule 'softmax'"):
        SpikingAttention(Shape(width=4), SOFTMAX, window=Window())
    with pytest.raises(ValueError, match="most = 0 spikes"):
        stdp(Window(), 0)
