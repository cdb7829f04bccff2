"""A leaky state, ideal and on arrays: what fades, what is added, what it costs and what cannot be."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim import ChipCard
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.leaky import IdealLeaky, Leaky, windowed
from memsim.memory.leaky_design import LeakyDesign

S, B, H, P, N, T = 2, 3, 2, 4, 5, 5
IDEAL = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
DEFAULT = ChipCard.load("default").without("wires")
ECRAM = DEFAULT.replace(attention={"cell": "ecram-li"})


def uniform(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, ADD, READ = (2 * uniform(T, B, H, n, seed=seed) - 1 for seed, n in enumerate((P, N, N)))
FADE = 0.5 + 0.3 * uniform(T, B, H, seed=4)


def crossbar(card: ChipCard, chips: Any = range(S), images: Any = range(B), **settings: Any) -> CrossbarLeaky:
    design = LeakyDesign(name="state", card=card, heads=H, rows=P, columns=N, **settings)
    one = torch.ones(1, H)
    return CrossbarLeaky(design, 3 * one, one, 5 * one, chips=chips, images=images)


def run(state: Leaky, chips: int = S, dt: float = 0.0, images: slice = slice(None)) -> Tensor:
    """What is read after each token, (T, chips B, H, P)."""
    out = []
    for t in range(T):
        x, add, read, fade = (v[t][images].repeat(chips, *[1] * (v.dim() - 2)) for v in (X, ADD, READ, FADE))
        if isinstance(state, CrossbarLeaky):
            state.wait(dt)
        state.decay(fade)
        state.add(x, add)
        out.append(state.read(read))
    return torch.stack(out)


def test_an_ideal_state_is_the_masked_product() -> None:
    out = run(IdealLeaky(), chips=1)
    sums = FADE.log().cumsum(0)
    for i in range(T):
        passed = (sums[i] - sums[: i + 1]).exp()  # (i + 1, B, H)
        weight = passed * (READ[i] * ADD[: i + 1]).sum(-1)
        assert_close(out[i], (weight[..., None] * X[: i + 1]).sum(0), rtol=0, atol=1e-12)
    with pytest.raises(RuntimeError, match="this state is empty"):
        IdealLeaky().read(READ[0])


@pytest.mark.parametrize(("retention", "dt"), [(math.inf, 0.0), (10.0, 1.0)])
def test_ideal_arrays_are_the_ideal_state(retention: float, dt: float) -> None:
    wanted = run(IdealLeaky(), chips=1).repeat(1, S, 1, 1)
    assert_close(run(crossbar(IDEAL, retention=retention), dt=dt), wanted, rtol=0, atol=1e-12)


def test_a_volatile_state_relaxes_by_itself() -> None:
    state = crossbar(IDEAL, retention=2.0)
    state.add(X[0].repeat(S, 1, 1), ADD[0].repeat(S, 1, 1))
    before = state.read(READ[0].repeat(S, 1, 1))
    state.wait(3.0)
    state.decay(torch.full((S * B, H), math.exp(-1.5), dtype=torch.float64))
    assert_close(state.read(READ[0].repeat(S, 1, 1)), before * math.exp(-1.5), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="slower than the device, whose retention is 2 s"):
        state.wait(1.0)
        state.decay(torch.ones(S * B, H))


def test_a_window_forgets_what_is_older() -> None:
    whole, before = IdealLeaky(), IdealLeaky()
    recent = IdealLeaky()
    for t in range(T):
        for state in [whole, *([before] if t < 2 else [recent])]:
            state.decay(FADE[t])
            state.add(X[t], ADD[t])
    assert whole.state is not None and before.state is not None and recent.state is not None
    assert_close(windowed(whole.state, before.state, FADE[2:].prod(0)), recent.state, rtol=0, atol=1e-12)


def test_a_window_in_float32_errs_by_the_larger_state() -> None:
    recent = torch.randn(64, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for large in (1e2, 1e4):
        before = large * recent.flip(0)
        now, factor = before + recent, torch.ones(64, 8, dtype=torch.float64)
        found = windowed(now.float()[:, None], before.float()[:, None], factor.float()[:, :1])[:, 0]
        error = (found.double() - recent).square().mean().sqrt() / recent.square().mean().sqrt()
        assert 0.05 < float(error) / (torch.finfo(torch.float32).eps * large) < 1.0


@pytest.mark.parametrize(("card", "write"), [(DEFAULT, "verify"), (ECRAM, "pulses")])
def test_a_chip_or_a_sequence_alone_is_as_among_others(card: ChipCard, write: Any) -> None:
    whole = run(crossbar(card, write=write)).view(T, S, B, H, P)
    assert torch.equal(run(crossbar(card, chips=[1], write=write), chips=1), whole[:, 1])
    one = run(crossbar(card, images=[2], write=write), images=slice(2, 3)).view(T, S, 1, H, P)
    assert torch.equal(one, whole[:, :, 2:])
    assert not torch.equal(whole[:, 0], whole[:, 1])


def test_errors_vanish_without_the_effects_and_grow_with_them() -> None:
    wanted = run(IdealLeaky(), chips=1).repeat(1, S, 1, 1)
    exact = run(crossbar(DEFAULT.without(*DEFAULT.effects)))
    assert_close(exact, wanted, rtol=0, atol=1e-5)
    error = (run(crossbar(DEFAULT)) - wanted).square().mean((1, 2, 3)).sqrt()
    assert 0.01 < error[0] < 0.5 and error[-1] > error[0]  # every rewriting adds its own


def test_pulses_add_on_top_of_what_is_held() -> None:
    bare = ECRAM.without(*ECRAM.effects)
    state, wanted = crossbar(bare, write="pulses"), run(IdealLeaky(), chips=1).repeat(1, S, 1, 1)
    got = run(state)
    assert float((got - wanted).abs().max()) < 0.05 * float(wanted.abs().max())
    counts = state.events.ledger.counts
    assert counts["state", "reset-ecram"] == S * H * B * P * N  # once, not at every token
    assert counts["state", "pulse-ecram"] > 0
    kept = crossbar(bare, write="pulses")
    kept.add(0 * X[0].repeat(S, 1, 1), ADD[0].repeat(S, 1, 1))
    assert kept.events.ledger.counts["state", "pulse-ecram"] == 0


def test_every_token_writes_the_whole_state() -> None:
    state = crossbar(DEFAULT)
    run(state)
    counts, cells = state.events.ledger.counts, S * B * H * P * N
    assert counts["state", "program-pcm"] == 2 * cells * (T + 1)  # and once at first
    assert counts["state", "adc-8b"] == cells * T + S * B * H * P * T
    assert state.design.lifetime(1e6, 1e3) == 1e3


@pytest.mark.parametrize(("card", "settings", "words"), [
    (DEFAULT.replace(attention={"cell": "pcm-nandakumar2018"}), {"write": "pulses"}, "up only, so that"),
    (DEFAULT.replace(weights={"coding": "single"}), {}, "do not simulate weights.coding = 'single'"),
    (IDEAL, {"retention": -1.0}, "retention = -1"), (IDEAL, {"write": "plses"}, "write = 'plses'"),
])  # fmt: skip
def test_what_cannot_be_is_refused(card: ChipCard, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        crossbar(card, **settings)


def test_time_is_not_negative() -> None:
    with pytest.raises(ValueError, match="dt = -1"):
        crossbar(IDEAL).wait(-1.0)
