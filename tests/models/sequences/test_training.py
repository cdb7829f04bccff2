"""Training of sequence networks: seeds, the recipe, and what the mixers have to reach."""

import pytest
import torch

from memsim.models.mixers.network import SequenceConfig, SequenceNet
from memsim.models.sequences import registry
from memsim.models.sequences.task import Batch
from memsim.models.sequences.training import SequenceRecipe, accuracy, accuracy_by, train


def net_of(mixer: str, task_name: str, seed: int = 0) -> SequenceNet:
    torch.manual_seed(seed)
    return SequenceNet(SequenceConfig(mixer=mixer, vocabulary=registry.build(task_name).vocabulary))


def test_a_seed_gives_the_same_network() -> None:
    task, recipe = registry.build("induction"), SequenceRecipe(steps=3, batch=4)
    one, again, other = (train(net_of("mosaics", "induction"), task, recipe, seed=s) for s in (1, 1, 2))
    assert torch.equal(one.embedding.weight, again.embedding.weight)
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


def test_the_rate_rises_and_falls() -> None:
    recipe = SequenceRecipe(steps=100, warmup=10)
    rates = [recipe.rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([3e-4 * n for n in range(1, 11)])
    assert rates[10] == 3e-3 and sorted(rates[10:], reverse=True) == rates[10:]
    assert rates[-1] == pytest.approx(3e-5, rel=0.1)


def test_accuracy_by_a_tag_splits_the_accuracy() -> None:
    batch = registry.build("last-write-wins").sample(50, 0)

    def once(tokens: torch.Tensor) -> torch.Tensor:  # right where a key was written once, by looking it up
        right = torch.nn.functional.one_hot(batch.targets.clamp(min=0), 64)
        return (right * (batch.tags["writes"] == 1)[..., None]).float()

    found = accuracy_by(once, batch, "writes")
    assert found[1] == 1.0 and not any(found[n] for n in found if n > 1)
    share = float((batch.tags["writes"][batch.asked] == 1).double().mean())
    assert accuracy(once, batch) == pytest.approx(share)
    with pytest.raises(ValueError, match="tag = 'age' does not exist; tags of this batch: distance, writes"):
        accuracy_by(once, batch, "age")


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ValueError, match="vocabulary = 9 of the network is too small: mqar has 64"):
        train(SequenceNet(SequenceConfig(mixer="softmax", vocabulary=9)), registry.build("mqar"))
    with pytest.raises(ValueError, match="steps = 0"):
        SequenceRecipe(steps=0)


def test_a_mixer_learns_what_controls_cannot() -> None:
    task, recipe = registry.build("last-write-wins"), SequenceRecipe(steps=120, batch=16)
    test: Batch = task.sample(128, 0, "test")
    learned = {
        name: accuracy(train(net_of(name, task.name), task, recipe), test) for name in ("mosaics", "uniform")
    }
    assert learned["mosaics"] > 0.8 and learned["uniform"] < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mixer", ["softmax", "stick-breaking", "mosaics", "forgetting"])
def test_the_last_write_wins(mixer: str, seed: int) -> None:
    task = registry.build("last-write-wins")
    net = train(net_of(mixer, task.name, seed), task, SequenceRecipe(steps=1000), seed=seed)
    assert accuracy(net, task.sample(1000, seed, "test")) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mixer", ["stick-breaking", "mosaics"])
def test_a_needle_is_found_sixteen_times_farther(mixer: str, seed: int) -> None:
    task = registry.build("needle")
    net = train(net_of(mixer, task.name, seed), task, SequenceRecipe(steps=600), seed=seed)
    far = registry.build("needle", length=512, shortest=512).sample(200, seed, "test")
    assert accuracy(net, far) >= 0.99


@pytest.mark.slow
def test_one_layer_of_mosaics_solves_induction_and_one_of_softmax_does_not_without_a_convolution() -> None:
    task, found = registry.build("induction"), {}
    for mixer in ("mosaics", "softmax-plain"):
        torch.manual_seed(0)
        config = SequenceConfig(mixer=mixer, vocabulary=task.vocabulary, layers=1, taps=0)
        net = train(SequenceNet(config), task, SequenceRecipe(steps=400))
        found[mixer] = accuracy(net, task.sample(500, 0, "test"))
    assert found["mosaics"] > 0.99 and found["softmax-plain"] < 0.5
