"""Rules against their loops and identities, in float64."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim.models.mixers.rules.controls import LAST, RECENCY, UNIFORM
from memsim.models.mixers.rules.forgetting import FORGETTING, bias_of_horizon, fading, summed
from memsim.models.mixers.rules.hierarchical import chunks, off_by_one
from memsim.models.mixers.rules.rule import Rule
from memsim.models.mixers.rules.softmax import BEFORE, SOFTMAX, gaussian_kernel
from memsim.models.mixers.rules.stick_breaking import STICK_BREAKING, STOPPED, rest
from memsim.models.mixers.rules.two_level import landmarks
from memsim.models.mixers.rules.window import window

T = 13
RULES = [SOFTMAX, BEFORE, STICK_BREAKING, FORGETTING, UNIFORM, LAST, RECENCY, landmarks(4), landmarks(4, 1),
         chunks(3), chunks(3, 2), window(2, 4), window(3)]  # fmt: skip


def close(a: Tensor, b: Tensor, tolerance: float = 1e-12) -> None:
    assert_close(a, b, rtol=0, atol=tolerance)


def scores(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_one_reader_alone_weighs_lines_as_among_all(rule: Rule) -> None:
    z, gate = scores(2, T, T), scores(T, 1, seed=1) - scores(1, T, seed=2)
    gate = gate.div(3, rounding_mode="floor") if rule.name == "hierarchical" else gate
    gate = gate[:, ::3].repeat_interleave(3, 1)[:, :T] if rule.name == "hierarchical" else gate
    whole = rule.weigh(z, gate, rule.mask(T, T))
    for i in range(T):
        lines = i + 1 if rule.own else i
        if lines:
            alone = rule.weigh(z[:, i : i + 1, :lines], gate[i : i + 1, :lines], torch.ones(1, lines).bool())
            close(alone[:, 0], whole[:, i, :lines])
        assert not whole[:, i, lines:].any()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_weights_are_shares_and_have_a_gradient(rule: Rule) -> None:
    z = scores(2, T, T).mul(20).requires_grad_()
    w = rule.weigh(z, None, rule.mask(T, T))
    assert w.min() >= 0 and w.sum(-1).max() <= 1 + 1e-12
    if rule.name not in ("uniform", "last", "recency"):
        w.square().sum().backward()
        assert z.grad is not None and z.grad.isfinite().all()
    needed = rule.reads(z.detach(), w.detach(), rule.mask(T, T))
    assert needed.dtype == torch.bool and not (w.detach() * ~needed).sum(-1).gt(0.011).any()


def test_stick_breaking_is_its_loop_its_kernel_form_and_its_recurrence() -> None:
    z, v = scores(T, T), scores(T, 5, seed=1)
    mask = STICK_BREAKING.mask(T, T)
    w, beta = STICK_BREAKING.weigh(z, None, mask), z.sigmoid()
    for i in range(T):
        left, out = torch.ones((), dtype=torch.float64), torch.zeros(5, dtype=torch.float64)
        for j in range(i - 1, -1, -1):
            close(w[i, j], beta[i, j] * left)
            kernel = z[i, j] + torch.nn.functional.logsigmoid(-z[i, j:i]).sum()
            close(w[i, j], kernel.exp())
            left = left * (1 - beta[i, j])
        close(rest(z, mask)[i], left)
        for j in range(i):
            out = (1 - beta[i, j]) * out + beta[i, j] * v[j]
        close((w @ v)[i], out)
    close(w.sum(-1) + rest(z, mask), torch.ones(T, dtype=torch.float64))


def test_stick_breaking_at_its_limits() -> None:
    mask, ones = STICK_BREAKING.mask(T, T), torch.ones(T, T, dtype=torch.float64)
    close(STICK_BREAKING.weigh(1e4 * ones, None, mask), torch.diag(torch.ones(T - 1).double(), -1))
    assert not STICK_BREAKING.weigh(-1e4 * ones, None, mask).any()
    b, age = 0.25, torch.arange(T)[:, None] - torch.arange(T) - 1
    even = STICK_BREAKING.weigh(ones * torch.logit(torch.tensor(b, dtype=torch.float64)), None, mask)
    close(even, torch.where(mask, b * (1 - b) ** age.double(), 0.0))


def test_a_stopped_stick_reads_the_newest_lines_alone() -> None:
    z = 3 * scores(40, 40)
    mask = STICK_BREAKING.mask(40, 40)
    whole, part = (rule.weigh(z, None, mask) for rule in (STICK_BREAKING, STOPPED))
    read = part > 0
    close(part, whole * read)
    assert ((whole - part).sum(-1) <= 0.01 + 1e-12).all()
    older = read.int().diff(dim=-1)  # False ... False True ... True up to the reader
    assert (older[-1, :-1] >= 0).all() and read[-1].sum() < 30


def test_a_window_reads_lines_by_their_age() -> None:
    z, mask = scores(T, T), BEFORE.mask(T, T)
    close(window(1).weigh(z, None, mask), BEFORE.weigh(z, None, mask))
    w, age = window(2, 4).weigh(z, None, mask), torch.arange(T)[:, None] - torch.arange(T)
    assert torch.equal(w > 0, (age >= 2) & (age <= 4))
    close(w, SOFTMAX.weigh(z, None, (age >= 2) & (age <= 4)))


def test_forgetting_is_softmax_where_nothing_fades_and_cuts_where_all_does() -> None:
    z, gate = scores(T, T), scores(T, seed=1)
    mask = FORGETTING.mask(T, T)
    f = gate.sigmoid()
    product = torch.stack([torch.stack([f[j + 1 : i + 1].prod() for j in range(T)]) for i in range(T)])
    weighed = torch.where(mask, z.exp() * product, 0.0)
    c = summed(gate)
    close(FORGETTING.weigh(z, fading(c, c), mask), weighed / weighed.sum(-1, keepdim=True))
    c = summed(torch.full((T,), 1e3, dtype=torch.float64))
    close(FORGETTING.weigh(z, fading(c, c), mask), SOFTMAX.weigh(z, None, mask))
    gate[6] = -1e4
    c = summed(gate)
    w = FORGETTING.weigh(z, fading(c, c), mask)
    assert not w[6:, :6].any() and w[6, 6] == 1.0
    d = fading(c, c)
    close(d[9, 4] + d[4, 2], d[9, 2])


def test_sums_of_a_long_gate_stay_exact_enough_in_float32() -> None:
    gate = torch.randn(16_384, generator=torch.Generator().manual_seed(0)).half()
    assert (summed(gate).double() - summed(gate.double())).abs().max() < 0.05
    assert summed(gate).dtype == torch.float32
    gate = torch.full((16_384,), 3.0)
    error = (summed(gate) - summed(gate.double())).abs().max() / summed(gate.double()).abs().max()
    assert error < 1e-5


def test_a_horizon_sets_the_bias() -> None:
    tokens = torch.tensor([1.0, 8.0, 128.0], dtype=torch.float64)
    close(bias_of_horizon(tokens).sigmoid(), (-1 / tokens).exp())


def test_a_gaussian_kernel_on_unit_keys_is_a_softmax() -> None:
    k = torch.nn.functional.normalize(scores(T, 6), dim=-1)
    mask, b = BEFORE.mask(T, T), 3.7
    close(gaussian_kernel(k, k, b, mask), BEFORE.weigh(2 * b * k @ k.mT, None, mask))
    order = torch.randperm(T - 1, generator=torch.Generator().manual_seed(1))
    last = 2 * b * k[-1:] @ k[:-1].mT
    seen = torch.ones(1, T - 1, dtype=torch.bool)
    close(BEFORE.weigh(last[:, order], None, seen), BEFORE.weigh(last, None, seen)[:, order])


def test_landmarks_are_softmax_where_their_score_is_that_of_their_block() -> None:
    block, tokens = 4, 14
    z = scores(2, tokens, tokens)
    rule = landmarks(block)
    mark = torch.arange(tokens) % block == block - 1
    w = rule.weigh(z, None, rule.mask(tokens, tokens))
    close(w.sum(-1), torch.ones(2, tokens, dtype=torch.float64))
    assert not w[..., mark].any()
    for m in torch.nonzero(mark)[:, 0].tolist():
        z[..., m] = z[..., m - block + 1 : m].logsumexp(-1)
    plain = SOFTMAX.weigh(z, None, SOFTMAX.mask(tokens, tokens) & ~mark)
    close(rule.weigh(z, None, rule.mask(tokens, tokens)), plain)


def test_best_blocks_are_all_blocks_where_there_are_no_more() -> None:
    z = scores(2, 16, 16)
    everything, some = (landmarks(4, keep).weigh(z, None, SOFTMAX.mask(16, 16)) for keep in (None, 2))
    close(landmarks(4, 3).weigh(z, None, SOFTMAX.mask(16, 16)), everything)
    assert (some[..., -1, :].sum(-1) < 1).all()
    kept = some > 0
    close(some, torch.where(kept, everything, 0.0))  # what is dropped is not given to the others


def test_landmarks_alone_leave_the_own_block() -> None:
    z = scores(16, 16)
    z[:, 3::4] = -1e9
    w = landmarks(4).weigh(z, None, SOFTMAX.mask(16, 16))
    block = torch.arange(16) // 4
    mark = torch.arange(16) % 4 == 3
    own = SOFTMAX.mask(16, 16) & (block[:, None] == block) & ~mark
    close(w, SOFTMAX.weigh(z, None, own))


def test_chunks_are_a_stick_of_softmaxes_off_by_one() -> None:
    s, z = scores(T), scores(T, T)
    per_line = s[: T // 3 + 1].repeat_interleave(3)[:T].expand(T, T)
    w = chunks(3).weigh(z, per_line, BEFORE.mask(T, T))
    reader = 11  # chunks 0, 1 and 2 lie wholly before it; 9 and 10 are of an unfinished one
    left, expected = 1.0, torch.zeros(T, dtype=torch.float64)
    for chunk in (2, 1, 0):
        inside = z[reader, 3 * chunk : 3 * chunk + 3].exp()
        expected[3 * chunk : 3 * chunk + 3] = left * s[chunk].sigmoid() * inside / (1 + inside.sum())
        left = left * (1 - s[chunk].sigmoid())
    close(w[reader], expected)
    close(chunks(3, keep=4).weigh(z, per_line, BEFORE.mask(T, T)), w)
    big = z + 1e3  # inside a chunk everything is read, and the stick alone is left
    shares = chunks(3).weigh(big, per_line, BEFORE.mask(T, T))[reader].sum()
    close(shares, 1 - (-s[:3]).sigmoid().prod())
    total = z.exp().sum(-1)
    close(off_by_one(z).sum(-1), total / (1 + total))


def test_controls_do_not_look() -> None:
    mask, gate = UNIFORM.mask(T, T), -0.5 * torch.arange(T, dtype=torch.float64)
    for rule in (UNIFORM, LAST, RECENCY):
        bias = fading(gate, gate)
        a, b = (rule.weigh(scores(T, T, seed=s), bias, rule.mask(T, T)) for s in (0, 1))
        assert torch.equal(a, b)
    close(UNIFORM.weigh(scores(T, T), None, mask)[4, :5], torch.full((5,), 0.2, dtype=torch.float64))
    newest = LAST.weigh(scores(T, T), None, LAST.mask(T, T)).nonzero()
    assert newest.tolist() == [[i, i - 1] for i in range(1, T)]
    age = torch.arange(T)[:, None] - torch.arange(T)
    wanted = torch.where(mask, (0.5 * age.double()).neg().exp(), 0.0)
    c = 0.5 * torch.arange(T, dtype=torch.float64).neg()
    close(RECENCY.weigh(scores(T, T), fading(c, c), mask), wanted / wanted.sum(-1, keepdim=True))


@pytest.mark.parametrize(("make", "words"), [
    (lambda: landmarks(1), "block = 1"), (lambda: landmarks(4, 0), "keep = 0"),
    (lambda: chunks(0), "chunk = 0"), (lambda: window(3, 2), "oldest = 2"),
])  # fmt: skip
def test_blocks_that_cannot_be_are_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
