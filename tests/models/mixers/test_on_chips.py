"""Sequence networks on chips: matrices on weight arrays, memories on line arrays."""

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

import memsim
from memsim.memory.clock import Clock
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.memory.lines import LinesFull
from memsim.memory.on_lines import put_on_lines
from memsim.models.mixers.network import SequenceConfig, SequenceNet
from memsim.models.mixers.systems.forgetting import DRIFT_NU, DRIFT_T0, VOLATILE_TAU

IDEAL = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
DEFAULT = memsim.ChipCard.load("default")
TOKENS = torch.randint(0, 16, (4, 10), generator=torch.Generator().manual_seed(0))


def net_of(mixer: str) -> SequenceNet:
    torch.manual_seed(0)
    return SequenceNet(SequenceConfig(mixer=mixer, vocabulary=16, width=12, layers=1, rows=5)).eval()


def on_chip(net: torch.nn.Module, card: memsim.ChipCard, chips: Any = 2, **settings: Any) -> memsim.Chip:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        chip = memsim.to_crossbar(net, card, chips=chips, calibration=TOKENS)
    put_on_lines(chip, Settings(**settings))
    return chip.program()


@torch.no_grad()
def logits(chip: memsim.Chip, tokens: Tensor = TOKENS, image: Any = range(4)) -> Tensor:
    return chip(tokens, image=image)


@pytest.mark.parametrize(
    "mixer", ["softmax", "stick-breaking-rest", "forgetting", "mosaics", "landmark", "hierarchical"]
)
def test_ideal_arrays_are_the_digital_network(mixer: str) -> None:
    net = net_of(mixer)
    out = logits(on_chip(net, IDEAL))
    wanted = copy.deepcopy(net).double()(TOKENS).detach()
    assert out.shape == (2, 4, 10, 16)
    torch.testing.assert_close(out, wanted.expand_as(out), rtol=0, atol=1e-11)


def test_the_mapping_lists_memories_on_lines() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        chip = memsim.to_crossbar(net_of("softmax"), DEFAULT, chips=1, calibration=TOKENS)
    before = chip.mapping
    arrays = put_on_lines(chip, Settings(capacity=12, write="pulses"))
    new = [line for line in chip.mapping if line.layer in arrays]
    assert [(line.kind, line.place) for line in new] == [("memory: lines", "array")]
    assert new[0].reason == "12 lines, one a token, written by pulses"
    assert chip.mapping.share("parameters") == before.share("parameters")
    assert "memory: lines" in str(chip.mapping) and "memory: lines" not in str(before)


def test_a_ring_too_short_forgets_the_oldest() -> None:
    net = net_of("softmax")
    short, long = (logits(on_chip(net, IDEAL, capacity=n, full="ring")) for n in (4, 10))
    torch.testing.assert_close(short[:, :, :4], long[:, :, :4], rtol=0, atol=1e-11)
    assert not torch.allclose(short[:, :, 4:], long[:, :, 4:])
    with pytest.raises(LinesFull, match="into 4 lines"):
        logits(on_chip(net, IDEAL, capacity=4))


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_a_chip_or_a_sequence_alone_runs_as_among_others(write: Any) -> None:
    net = net_of("mosaics")
    both = logits(on_chip(net, DEFAULT, write=write))
    one = logits(on_chip(net, DEFAULT, chips=[1], write=write))
    torch.testing.assert_close(one[0], both[1], rtol=0, atol=1e-5)
    chip = on_chip(net, DEFAULT, write=write)
    torch.testing.assert_close(logits(chip, TOKENS[2:3], [2]), both[:, 2:3], rtol=0, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_lines_age_with_the_clock_and_weights_with_the_chip() -> None:
    net = net_of("softmax")
    fast, slow = (logits(on_chip(net, DEFAULT, clock=Clock(rate))) for rate in (1e6, 1e-4))
    again = logits(on_chip(net, DEFAULT, clock=Clock(1e6)))
    assert torch.equal(fast, again) and not torch.allclose(fast, slow, atol=1e-3)


def test_work_of_lines_enters_the_ledger() -> None:
    chip = on_chip(net_of("softmax"), DEFAULT)
    logits(chip)
    name, ledger = "blocks.0.mixer.memory", chip.ledger
    lines = 2 * 4 * 2 * 10  # chips, sequences, heads, tokens
    assert ledger.counts[name, "program-pcm"] == lines * 2 * 12
    reads = 2 * 4 * 2 * sum(range(1, 11))
    assert ledger.counts[name, "digital-function"] == reads + lines  # an exponential each, and a quotient
    assert ledger.counts[name, "adc-8b"] == reads + lines * 6
    assert ledger.energy > 0 and name in ledger.latencies
    digital = {event for layer, event in ledger.counts if layer == name}
    assert "aten.softmax" not in digital and "digital-mac" not in digital  # the digital memory does not run


def test_gradients_pass_through_lines() -> None:
    chip = on_chip(net_of("softmax"), DEFAULT)
    array = chip.net.get_submodule("blocks.0.mixer.memory")
    chip.run.begin(4, range(4))
    q, k, v = (torch.randn(8, 2, 10, 6, requires_grad=True) for _ in range(3))
    array(q, k, v).square().sum().backward()
    assert all(x.grad is not None and x.grad.abs().sum() > 0 for x in (q, k, v))


def test_what_cannot_be_put_on_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="has no memory of lines"):
        on_chip(net_of("none"), IDEAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        fresh = memsim.to_crossbar(net_of("softmax"), IDEAL, chips=1).program()
    with pytest.raises(ValueError, match="put its memories on arrays before"):
        put_on_lines(fresh)


def test_a_chip_with_lines_is_copied_saved_and_loaded(tmp_path) -> None:
    net = net_of("forgetting")
    chip = on_chip(net, DEFAULT, capacity=4, full="ring", clock=Clock(50.0), bits=5)
    assert torch.equal(logits(copy.deepcopy(chip)), logits(chip))
    chip.advance_to(3600.0)
    path = chip.save(tmp_path / "chip")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        loaded = memsim.Chip.load(path, net, calibration=TOKENS)
        assert torch.equal(logits(loaded), logits(chip))
        again = loaded.save(tmp_path / "again")
        assert torch.equal(logits(memsim.Chip.load(again, net, calibration=TOKENS)), logits(chip))
        array = loaded.net.get_submodule("blocks.0.mixer.memory")
        assert isinstance(array, LineArray)
        assert array.settings == Settings(capacity=4, full="ring", clock=Clock(50.0), bits=5)
        other = net_of("none")
        with pytest.raises(ValueError, match="made from a network with other weights"):
            memsim.Chip.load(path, other)
    with pytest.raises(ValueError, match="settings of lines: unknown setting 'bit'"):
        Settings.of({"bit": 4})


def test_a_gate_of_age_left_to_volatile_values_is_the_digital_one() -> None:
    net = net_of("forgetting-volatile")
    wanted = copy.deepcopy(net).double()(TOKENS).detach()
    chip = on_chip(net, IDEAL, clock=Clock(10.0), retention=VOLATILE_TAU / 10.0, ones=True, gate="device")
    torch.testing.assert_close(logits(chip), wanted.expand(2, -1, -1, -1), rtol=0, atol=1e-11)
    with pytest.raises(ValueError, match=r"gate = 'device', but its log gate differs by .* from the decay"):
        logits(on_chip(net, IDEAL, clock=Clock(10.0), retention=9.0, ones=True, gate="device"))
    with pytest.raises(ValueError, match="gate = 'device' needs ones = True"):
        Settings(gate="device")


def test_a_gate_of_age_left_to_drift_is_the_digital_one() -> None:
    net = net_of("forgetting-drift")
    for part in net.get_submodule("blocks.0.mixer.query").parameters():
        part.data.zero_()  # scores of 0: keys, which drift too, do not matter
    cell = {"name": "drifting", "technology": "PCM", "source": "made for a test", "weight": {
        "g_max [S]": 25e-6, "drift_exponent": DRIFT_NU, "t_0 [s]": DRIFT_T0}}  # fmt: skip
    card = DEFAULT.replace(weights={"cell": cell}, digital=["*"])
    card = card.without(*(effect for effect in card.effects if effect != "drift"))
    wanted = net(TOKENS).detach().expand(2, -1, -1, -1)
    found = logits(on_chip(net, card, clock=Clock(1.0), ones=True, gate="device"))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    quick = logits(on_chip(net, card, clock=Clock(1e9), ones=True))  # the digital gate on lines that keep
    torch.testing.assert_close(quick, wanted, rtol=0, atol=1e-4)
    undone = logits(on_chip(net_of("softmax-plain"), card, clock=Clock(1e9)))
    assert float((undone - wanted).abs().max()) > 1e-2


def test_a_network_without_a_gate_leaves_none_to_devices() -> None:
    with pytest.raises(ValueError, match="it has no gate"):
        logits(on_chip(net_of("softmax-plain"), IDEAL, retention=1.0, ones=True, gate="device"))


def test_chunks_that_no_token_chose_stay_unpowered() -> None:
    net = net_of("hierarchical")
    found = {}
    for tile in (0, 4):  # the best four chunks of four lines each
        chip = on_chip(net, DEFAULT.without("wires"), tile=tile)  # tiles have lines of their own
        out = chip(torch.cat([TOKENS, TOKENS, TOKENS], 1), image=range(4)).detach()
        counts = chip.ledger.counts
        found[tile] = (
            out,
            sum(n for (layer, event), n in counts.items() if layer.endswith("memory") and "adc" in event),
        )
    assert torch.equal(found[0][0], found[4][0])
    assert found[4][1] < 0.9 * found[0][1]
