"""State-space mixers and their filters, and Avey, whose choice is not causal."""

import pytest
import torch
from torch.testing import assert_close

from memsim.models.mixers.avey import Avey, ranked
from memsim.models.mixers.delta_filters import kept, remembers, threshold, thresholded, tokens_kept
from memsim.models.mixers.features import decays
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.systems.mamba import Mamba1, Mamba2


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_weights_are_as_many_as_published() -> None:
    with torch.device("meta"):
        avey = torch.nn.ModuleList([Avey(768, 26), torch.nn.Embedding(50_304, 768), torch.nn.RMSNorm(768)])
    assert parameters(avey) == 152_917_760
    assert parameters(Mamba1(Shape(width=768, state=16))) == 3_770_880
    assert parameters(Mamba2(Shape(width=768, state=128), head=64)) == 3_764_552


def test_first_steps_are_short() -> None:
    torch.manual_seed(0)
    delta = torch.nn.functional.softplus(Mamba2(Shape(width=64, heads=16)).delta_bias)
    assert 1e-3 <= delta.min() and delta.max() <= 0.1001


def test_a_state_that_is_not_stepped_stays() -> None:
    torch.manual_seed(0)
    mixer, x = Mamba2(Shape(width=8, heads=2, state=4)).double(), normals(2, 6, 8)
    state = mixer.start(2)
    for token in x[:, :4].unbind(1):
        mixer.step(token, state)
    before = state.memory.state.clone()  # type: ignore[attr-defined]
    mixer.delta = Passed()
    mixer.step(x[:, 4], state)
    assert torch.equal(state.memory.state, before)  # type: ignore[attr-defined]


class Passed(torch.nn.Module):
    """A filter that passes every token over."""

    def forward(self, delta: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(delta)


def test_products_of_decays_are_exponentials_of_sums() -> None:
    rate, delta = torch.tensor([0.7, 3.0], dtype=torch.float64), normals(2, 9).abs()
    product = decays(-rate[:, None] * delta)
    assert_close(product[:, -1, 0], (-rate * delta[:, 1:].sum(1)).exp(), rtol=0, atol=1e-15)


def test_deci_mamba_keeps_the_published_number_of_tokens() -> None:
    assert [tokens_kept(8000, layer) for layer in range(3)] == [2000, 1000, 500]
    assert tokens_kept(100, 0) == 100 and tokens_kept(8000, 9) == 20 and tokens_kept(10, 9) == 10
    delta = normals(2, 12, 3).abs()
    assert kept(delta, 12) is delta
    some = kept(delta, 5)
    norms = delta.norm(dim=-1)
    for row in range(2):
        best = norms[row].topk(5).indices.sort().values
        assert some[row].abs().sum(-1).nonzero()[:, 0].tolist() == best.tolist()
        assert torch.equal(some[row, best], delta[row, best])
    with pytest.raises(ValueError, match="factor = 2"):
        tokens_kept(100, 1, factor=2)


def test_long_mamba_keeps_what_adds_up_to_the_training_sum() -> None:
    training = normals(400).abs()
    assert threshold(training, 400) == 0.0
    long = torch.cat([training, training[torch.randperm(400)]])
    limit = threshold(training, 800, clamp=0.0)
    left = thresholded(long.view(1, -1, 1), torch.tensor([limit])).sum()
    assert abs(float(left) / float(training.sum()) - 1) < 0.01
    assert threshold(training, 1600) > threshold(training, 800) > 0
    assert torch.equal(thresholded(long.view(1, -1, 1), torch.zeros(1)), long.view(1, -1, 1))
    delta = torch.full((2, 50, 2), 0.1, dtype=torch.float64)
    assert remembers(torch.tensor([0.1, 10.0]), delta, 1e-3).tolist() == [True, False]
    with pytest.raises(ValueError, match="clamp = 1"):
        threshold(training, 800, clamp=1.0)


def test_avey_ranks_splits_by_their_nearest_tokens() -> None:
    x = normals(1, 16, 6)
    x[:, 12:] = 2 * x[:, 4:8]  # the last split repeats the second one
    context = ranked(x, 4, 1)
    assert context.shape == (1, 4, 8, 6)
    assert_close(context[0, 3, :4], x[0, 4:8])  # at full scale: its score is the largest
    assert_close(context[0, 3, 4:], x[0, 12:])
    assert not context[0, 0, :4].any()
    with pytest.raises(ValueError, match="the number of tokens, 15, is not a multiple of split = 4"):
        ranked(x[:, :15], 4, 1)


def test_avey_is_not_causal_inside_a_split() -> None:
    torch.manual_seed(0)
    avey, x = Avey(6, 2, split=4, keep=1).double(), normals(1, 16, 6)
    other = x.clone()
    other[:, 15] = 10 * x[:, 1]  # the last token now draws the first split into the context of its own
    assert ranked(x, 4, 1)[0, 3, 0].ne(ranked(other, 4, 1)[0, 3, 0]).any()
    changed = (avey(other) - avey(x)).abs()
    assert changed[:, :12].max() < 1e-12 and changed[:, 12:15].max() > 1e-6


def test_filters_refuse_what_is_no_delta_and_no_share() -> None:
    delta = torch.rand(2, 7, 3)
    with pytest.raises(ValueError, match="tokens = -1"):
        kept(delta, -1)
    for theta in (-0.1, 2.0, float("nan")):
        with pytest.raises(ValueError, match=r"theta = .* 0 to 1"):
            remembers(torch.ones(3), delta, theta)
    with pytest.raises(ValueError, match="length = 0 tokens"):
        threshold(delta[0, :, 0], 0)
    for bad in (-delta[0, :, 0], delta[0, :, 0] * float("nan")):
        with pytest.raises(ValueError, match="below 0 or NaN"):
            threshold(bad, 100)
