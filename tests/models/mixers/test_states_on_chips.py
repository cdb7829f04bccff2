"""State-space mixers on chips: matrices on weight arrays, the state on arrays that fade."""

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import memsim
from memsim.memory.clock import Clock
from memsim.memory.on_states import put_on_states
from memsim.memory.state_array import StateArray, StateSettings
from memsim.models.mixers.delta_filters import thresholded
from memsim.models.mixers.network import SequenceConfig, SequenceNet

IDEAL = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
DEFAULT = memsim.ChipCard.load("default").without("wires").replace(attention={"cell": "ecram-li"})
TOKENS = torch.randint(0, 16, (3, 7), generator=torch.Generator().manual_seed(0))
MEMORY = "blocks.0.mixer.memory"


def net_of(mixer: str = "mamba-2") -> SequenceNet:
    torch.manual_seed(0)
    return SequenceNet(SequenceConfig(mixer=mixer, vocabulary=16, width=8, layers=1, state=4)).eval()


def on_chip(card: memsim.ChipCard, chips: Any = 2, net: Any = None, **settings: Any) -> memsim.Chip:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        chip = memsim.to_crossbar(net or net_of(), card, chips=chips, calibration=TOKENS)
    put_on_states(chip, StateSettings(**settings))
    return chip.program()


@torch.no_grad()
def logits(chip: memsim.Chip, tokens: Tensor = TOKENS, image: Any = range(3)) -> Tensor:
    return chip(tokens, image=image)


@pytest.mark.parametrize("settings", [{}, {"retention": 10.0, "clock": Clock(1e3)}], ids=["kept", "volatile"])
def test_ideal_arrays_are_the_digital_network(settings: dict) -> None:
    out = logits(on_chip(IDEAL, **settings))
    wanted = copy.deepcopy(net_of()).double()(TOKENS).detach()
    torch.testing.assert_close(out, wanted.expand_as(out), rtol=0, atol=1e-11)


def test_a_state_cannot_fade_slower_than_its_device() -> None:
    with pytest.raises(ValueError, match=r"memory: a decay factor of .* is slower than the device"):
        logits(on_chip(IDEAL, retention=1e-3))


class Filter(torch.nn.Module):
    """Small steps are passed over."""

    def forward(self, delta: Tensor) -> Tensor:
        return thresholded(delta, torch.full((2,), 0.03).to(delta))


def test_a_filter_on_delta_is_one_of_the_arrays_too() -> None:
    net = net_of()
    net.blocks[0].mixer.delta = Filter()  # type: ignore[union-attr,assignment]
    out = logits(on_chip(IDEAL, net=net))
    wanted = copy.deepcopy(net).double()(TOKENS).detach()
    assert not torch.allclose(wanted, net_of().double()(TOKENS))
    torch.testing.assert_close(out, wanted.expand_as(out), rtol=0, atol=1e-11)


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_a_chip_or_a_sequence_alone_runs_as_among_others(write: Any) -> None:
    both = logits(on_chip(DEFAULT, write=write))
    torch.testing.assert_close(logits(on_chip(DEFAULT, [1], write=write))[0], both[1], rtol=0, atol=1e-5)
    chip = on_chip(DEFAULT, write=write)
    torch.testing.assert_close(logits(chip, TOKENS[1:2], [1]), both[:, 1:2], rtol=0, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)
    digital = net_of()(TOKENS).detach()
    error = (both - digital).square().mean().sqrt() / digital.std()
    assert 1e-3 < float(error) < 0.6


def test_every_token_writes_the_whole_state_and_volatile_cells_are_written_for_less() -> None:
    found = {}
    for name, settings in {"kept": {}, "volatile": {"retention": 10.0}}.items():
        chip = on_chip(DEFAULT, write="pulses", **settings)
        logits(chip)
        counts = chip.ledger.counts
        found[name] = {event: n for (layer, event), n in counts.items() if layer == MEMORY}
    cells = 16 / 2 * 4 * 2 * 2 * 3  # P N of two heads, on two chips, of three sequences
    assert found["kept"]["reset-ecram"] == pytest.approx(cells * DEFAULT.reset_tries)
    for one in found.values():
        assert one["pulse-ecram"] > cells


def test_a_saved_chip_has_its_state(tmp_path: Path) -> None:
    chip = on_chip(DEFAULT, retention=10.0, clock=Clock(2e3), write="pulses")
    chip.save(tmp_path / "chip.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        again = memsim.Chip.load(tmp_path / "chip.safetensors", net_of())
    array = again.net.get_submodule(MEMORY)
    assert isinstance(array, StateArray) and array.settings.retention == 10.0
    assert torch.equal(logits(again), logits(chip))


def test_what_cannot_be_put_on_states_is_refused() -> None:
    with pytest.raises(ValueError, match="has no state"):
        on_chip(IDEAL, net=net_of("softmax"))
    with pytest.raises(ValueError, match="up only, so that every decay would need a reset"):
        logits(on_chip(DEFAULT.replace(attention={"cell": "pcm-nandakumar2020"}), write="pulses"))
    with pytest.raises(ValueError, match="settings of states: unknown setting 'rate'"):
        StateSettings.of({"rate": 3})
