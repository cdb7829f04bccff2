"""Tasks: their answers follow from what was shown, from a seed alone, as published."""

import numpy as np
import pytest
import torch

from memsim.models.sequences import registry
from memsim.models.sequences.counts import counted
from memsim.models.sequences.task import IGNORE
from memsim.models.sequences.tasks.automata import automaton
from memsim.models.sequences.tasks.documentation import corpus
from memsim.models.sequences.tasks.passkey import CHARACTERS
from memsim.models.sequences.three_moons import RATE, periods, three_moons

NAMES = registry.names()


@pytest.mark.parametrize("name", NAMES)
def test_sequences_come_from_the_seed_alone(name: str) -> None:
    task = registry.build(name)
    with pytest.raises(ValueError, match="part = 'tset': one of train, calibration, test"):
        task.sample(8, 3, part="tset")
    first, again = task.sample(8, 3, number=2), task.sample(8, 3, number=2)
    assert torch.equal(first.tokens, again.tokens) and torch.equal(first.targets, again.targets)
    for other in (task.sample(8, 4, number=2), task.sample(8, 3, "test", 2), task.sample(8, 3, number=5)):
        assert other.tokens.shape != first.tokens.shape or not torch.equal(other.tokens, first.tokens)
    assert first.tokens.dtype == first.targets.dtype == torch.int64
    assert first.tokens.shape == first.targets.shape
    assert 0 <= first.tokens.min() and first.tokens.max() < task.vocabulary
    asked = first.targets[first.asked]
    assert asked.numel() and 0 <= asked.min() and asked.max() < task.vocabulary
    assert all(tag.shape == first.tokens.shape for tag in first.tags.values())
    assert first.right(first.targets.clamp(min=0)).sum() == first.asked.sum()
    assert not first.right(torch.full_like(first.tokens, task.vocabulary - 1))[~first.asked].any()


@pytest.mark.parametrize(("name", "settings"), [
    ("mqar", {}), ("mqar", {"length": 64, "pairs": 4, "tokens": 8192}), ("last-write-wins", {}),
    ("last-write-wins", {"length": 128, "pairs": 6, "again": 12}),
])  # fmt: skip
def test_recall_asks_for_the_newest_value(name: str, settings: dict) -> None:
    task = registry.build(name, **settings)
    batch = task.sample(64, 0)
    writes = task.pairs + task.again  # type: ignore[attr-defined]
    for tokens, targets, distance, number in zip(
        *(x.tolist() for x in (batch.tokens, batch.targets, batch.tags["distance"], batch.tags["writes"])),
        strict=True,
    ):  # fmt: skip
        held, at, times = {}, {}, {}
        for place in range(0, 2 * writes, 2):
            key = tokens[place]
            held[key], at[key], times[key] = tokens[place + 1], place + 1, times.get(key, 0) + 1
        asked = [t for t, target in enumerate(targets) if target != IGNORE]
        assert len(asked) == len(held) == task.pairs  # type: ignore[attr-defined]
        for t in asked:
            key = tokens[t]
            assert (targets[t], distance[t], number[t]) == (held[key], t - at[key], times[key])


def test_recall_asks_soon_more_often_than_late() -> None:
    batch = registry.build("mqar", length=64, pairs=4).sample(4000, 0)
    place = (batch.asked.nonzero()[:, 1] - 8) // 2 + 1
    chance = np.arange(1, 29) ** -0.99
    first = float((place == 1).double().mean()) * 4  # of four queries one at most takes the first place
    alone = 1 - (1 - chance[0] / chance.sum()) ** 4
    assert alone < first < 1 and (place == 1).sum() > 2 * (place == 8).sum()


@pytest.mark.parametrize("name", ["needle", "induction"])
def test_the_follower_of_the_earlier_token_is_asked_for(name: str) -> None:
    task = registry.build(name)
    for number in range(5):
        batch = task.sample(50, 0, number=number)
        for row, tokens in enumerate(batch.tokens.tolist()):
            places = [t for t, token in enumerate(tokens) if token == tokens[-1]]
            assert len(places) == 2 and batch.targets[row, -1] == tokens[places[0] + 1]
            assert batch.tags["distance"][row, -1] == len(tokens) - 2 - places[0]
            assert batch.asked[row].sum() == 1


def test_needles_lie_anywhere_and_lengths_vary() -> None:
    batches = [registry.build("needle").sample(4, 0, number=n) for n in range(60)]
    lengths = {batch.tokens.shape[1] for batch in batches}
    assert min(lengths) == 16 and max(lengths) == 32
    long = registry.build("needle", length=64, shortest=64).sample(2000, 1)
    assert set(range(1, 63)) == set(long.tags["distance"][:, -1].tolist())


def test_selective_copying_keeps_the_order() -> None:
    batch = registry.build("selective-copying").sample(50, 0)
    for tokens, targets in zip(batch.tokens, batch.targets, strict=True):
        assert tokens[tokens > 1].tolist() == targets[targets != IGNORE].tolist()
        assert len(tokens[tokens > 1]) == 8


def test_automata_are_followed() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        edges = automaton(rng, 18)
        assert 4 <= len(edges) <= 12 and edges.max() < len(edges)
        assert ((edges >= 0).sum(1) >= 1).all() and ((edges >= 0).sum(1) <= 3).all()
        assert (edges != np.arange(len(edges))[:, None]).all()
    batch = registry.build("automata").sample(20, 0)
    assert batch.legal is not None
    following = batch.targets.clamp(min=0)
    assert batch.legal.gather(-1, following[..., None])[..., 0][batch.asked].all()
    assert ((batch.legal.sum(-1) >= 1) & (batch.legal.sum(-1) <= 3))[batch.asked].all()
    assert not batch.legal[..., 0].any() and (batch.tokens == 0).any()


def test_counts_in_context_are_the_bar_of_automata() -> None:
    batch = registry.build("automata").sample(60, 0, "test")
    shares = [float(batch.right(counted(batch.tokens, n, 19)).sum() / batch.asked.sum()) for n in range(3)]
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.7


def test_counts_by_hand() -> None:
    row = torch.tensor([[1, 2, 1, 2, 1, 3, 1]])
    assert counted(row, 0, 4).tolist() == [[1, 1, 1, 1, 1, 1, 1]]
    assert counted(row, 1, 4)[0, 2:].tolist() == [2, 1, 2, 1, 2]


def test_a_passkey_is_told_once_and_asked_for() -> None:
    batch = registry.build("passkey").sample(40, 0)
    for tokens, targets in zip(batch.tokens.tolist(), batch.targets, strict=True):
        text = "".join(CHARACTERS[c] for c in tokens)
        key = "".join(CHARACTERS[c] for c in targets[targets != IGNORE].tolist())
        assert len(text) == 256 and text.index(f"The pass key is {key}. Remember it.") >= 0
        assert text.endswith(f"What is the pass key? The pass key is {key}")
    assert set(batch.tags["depth"].unique().tolist()) <= set(range(10))


def test_documentation_is_text_and_its_parts_are_apart() -> None:
    characters, train, test = corpus()
    assert len(characters) > 80 and len(train) > 5 * len(test) > 10_000
    batch = registry.build("documentation").sample(4, 0)
    assert torch.equal(batch.tokens[:, 1:], batch.targets[:, :-1])


def test_three_moons_turn_with_their_periods() -> None:
    assert periods()[:2] == [(0.5, 1.0, 2.0), (0.5, 1.0, 1.5)] and len(set(periods())) == 9
    x, chosen = three_moons(6, 0)
    assert x.shape == (6, 800, 6)
    assert torch.allclose(x.view(6, 800, 3, 2).square().sum(-1), torch.ones(()))
    angle = torch.atan2(x[..., 1], x[..., 0])
    turn = torch.remainder(angle[:, 1:] - angle[:, :-1], 2 * torch.pi).mean(1)
    assert torch.allclose(turn.double(), 2 * torch.pi / (chosen[:, 0] * RATE), atol=1e-5)
    held = three_moons(4, 0, held_out=True)[1]
    assert {tuple(p) for p in held.tolist()} == {periods()[-1]}
    assert periods()[-1] not in {tuple(p) for p in three_moons(64, 0)[1].tolist()}


@pytest.mark.parametrize(("name", "settings", "words"), [
    ("mqr", {}, "did you mean 'mqar'"), ("mqar", {"pair": 3}, "no setting 'pair'; it has length, pairs"),
    ("mqar", {"length": 20}, "need 24 tokens or more"), ("last-write-wins", {"again": 40}, "again = 40"),
    ("needle", {"length": 8}, "below shortest = 16"), ("induction", {"length": 66}, "length = 66"),
    ("selective-copying", {"items": 25}, "items = 25"), ("passkey", {"length": 30}, "length = 30"),
    ("automata", {"symbols": 2}, "symbols = 2"), ("documentation", {"length": 0}, "length = 0"),
])  # fmt: skip
def test_settings_that_cannot_be_are_refused(name: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registry.build(name, **settings)
