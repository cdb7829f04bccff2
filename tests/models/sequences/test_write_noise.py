"""Hardware-aware training of a memory: what write noise costs, and what training with it gives back."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from memsim import ChipCard, to_crossbar
from memsim.memory.on_lines import put_on_lines
from memsim.models.mixers.network import SequenceConfig, SequenceNet
from memsim.models.sequences import registry
from memsim.models.sequences.training import SequenceRecipe, train
from memsim.models.sequences.write_noise import NoisyMemory, harden, written_with_noise
from memsim.studies.running.study import load

TASK = registry.build("last-write-wins")


def net_of(mixer: str = "softmax") -> SequenceNet:
    torch.manual_seed(0)
    return SequenceNet(SequenceConfig(mixer=mixer, vocabulary=TASK.vocabulary, width=24)).eval()


def test_noise_is_inside_alone_and_no_noise_is_the_network() -> None:
    net, tokens = net_of(), TASK.sample(3, 0).tokens
    plain = net(tokens)
    with written_with_noise(net, 0.0):
        assert torch.equal(net(tokens), plain)
    with written_with_noise(net, 0.1):
        one, other = net(tokens), net(tokens)
    assert not torch.equal(one, other) and torch.equal(net(tokens), plain)
    with written_with_noise(net, 0.1):
        assert torch.equal(net(tokens), one)  # the same seed


def test_the_noise_has_its_share_of_the_range_of_a_head() -> None:
    x = torch.linspace(-1.0, 1.0, 4).repeat(50, 2, 40, 5) * torch.tensor([1.0, 3.0])[:, None, None]
    memory = net_of().get_submodule("blocks.0.mixer.memory")
    off = NoisyMemory(memory, 0.05, torch.Generator().manual_seed(0))._written(x) - x  # type: ignore[arg-type]
    for head, size in enumerate((1.0, 3.0)):
        assert float(off[:, head].std()) == pytest.approx(0.05 * size, rel=0.02)
        assert abs(float(off[:, head].mean())) < 4 * 0.05 * size / off[:, head].numel() ** 0.5


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="share = 10"), written_with_noise(net_of(), 10):
        pass
    with pytest.raises(ValueError, match="has no memory of lines"), written_with_noise(net_of("none"), 0.1):
        pass


@pytest.mark.slow
def test_training_with_noise_gives_back_half_of_what_it_costs() -> None:
    """Cross-entropy on four chips whose lines are off by a tenth of their range at each write."""
    net = train(net_of("stick-breaking"), TASK, SequenceRecipe(steps=700))
    hard = harden(copy.deepcopy(net), TASK, 0.1)
    test = TASK.sample(60, 0, "test")
    card = load("memory-bits").module.noisy(ChipCard.load("default").without("wires"), 0.1)
    tokens, found, asked = TASK.sample(32, 2).tokens, [], test.asked
    for one in (net, hard):
        chip = to_crossbar(one, card.replace(digital=["*"]), chips=4, calibration=tokens)
        put_on_lines(chip)
        with torch.no_grad():
            logits = chip.program()(test.tokens)[:, asked]
        found.append(float(cross_entropy(logits.flatten(0, 1), test.targets[asked].repeat(4))))
    with torch.no_grad():
        exact = float(cross_entropy(net(test.tokens)[asked], test.targets[asked]))
    assert found[0] - found[1] > 0.5 * (found[0] - exact)
