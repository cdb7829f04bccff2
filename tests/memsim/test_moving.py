"""Both sides pay for what they move and hold; every count by hand."""

import pytest
import torch

import memsim
from memsim import ChipCard
from memsim.energy import baselines
from memsim.energy.digital_work import DigitalWork
from memsim.energy.line import total
from memsim.energy.moving import buffers, image_time
from memsim.energy.work import Attention, Matrix, Neurons
from tests.memsim.made import numbers

CARD = ChipCard.load("default")
FC = Matrix(name="fc", rows=10, columns=4, positions=2, passes=3, inputs=20, ones=15, drives=15)
LIF = Neurons(name="lif", number=8, steps=3, spikes=5)
CORE = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)


def events(chip: memsim.Chip, layer: str) -> dict[str, float]:
    return numbers([line for line in chip.ledger.lines() if line.layer == layer])


class TestDigital:
    """Sums of 16 bits, spikes of one, in three passes."""

    def test_bus_and_router(self):
        for bill in (baselines.lut, baselines.dense):
            found = numbers(bill([FC], CARD))
            assert found["bus-bit"] == 20 * 3 + 8 * 3 * 16 and found["router-bit"] == 20 * 3
        assert not {"bus-bit", "router-bit"} & set(numbers(baselines.sop([FC], CARD)))

    def test_events_go_by_address(self):
        found = numbers(baselines.memory([FC], CARD))
        assert found["bus-bit"] == found["router-bit"] == 15 * 5  # 20 inputs have addresses of five bits

    def test_numbers_have_eight_bits(self):
        found = numbers(baselines.lut([Matrix(**{**vars(FC), "spikes": False})], CARD))
        assert found["router-bit"] == 8 * 20 * 3

    def test_what_is_held_is_powered_for_the_time_of_an_image(self):
        time = 2 * 3 * CARD.weights.cycle_time(16)
        assert image_time([FC, LIF], CARD) == pytest.approx(time)
        found = numbers(baselines.dense([FC, LIF], CARD))
        assert found["bit-second"] == pytest.approx(time * (8 * 40 + 8 * (16 + 1)))

    def test_a_quantised_ann_moves_its_activations_once(self):
        found = numbers(baselines.qnn([FC, LIF], CARD))
        assert found["bus-bit"] == 2 * 20 + 16 * 8 and found["router-bit"] == 2 * 20  # three steps: two bits


class TestBothSides:
    """In SRAM crossbars and a digital chip move and hold the same, but for weights."""

    def test_the_same_values_at_the_same_price(self):
        works = [FC, LIF, CORE]
        ours, theirs = numbers(buffers(works, CARD)), numbers(baselines.dense(works, CARD))
        assert {"inputs read [bit]", "sums written [bit]", "membranes [bit]", "spikes read [bit]"} <= set(
            ours
        )
        for event, number in ours.items():
            if event != "bit-second":
                assert theirs[event] == number, event
        weights = 8 * FC.rows * FC.columns * image_time(works, CARD)
        assert theirs["bit-second"] == pytest.approx(ours["bit-second"] + weights)

    def test_twice_as_long_holds_twice_as_much(self):
        slow = CARD.replace(weights={"read_time [s]": 10e-9 + CARD.weights.cycle_time(16)})
        once, twice = (numbers(buffers([FC, LIF], card))["bit-second"] for card in (CARD, slow))
        assert twice == pytest.approx(2 * once)


class TestChip:
    """A linear layer of 6 x 4 in tiles of 3 x 2, spikes in, one image."""

    def chip(self, inputs: torch.Tensor, **weights) -> memsim.Chip:
        card = CARD.replace(weights={"tile_rows": 3, "tile_columns": 2, **weights})
        net = torch.nn.Sequential(torch.nn.Linear(6, 4, bias=False))
        chip = memsim.to_crossbar(net, card, chips=1, calibration=inputs).program()
        chip.ledger.clear()
        chip(inputs[:1])
        return chip

    def test_spikes(self):
        chip = self.chip(torch.tensor([[1.0, 0, 1, 1, 0, 0], [0.0, 1, 0, 1, 1, 1]]))
        found = events(chip, "0")
        assert found["adc-8b"] == found["sample-hold"] == 2 * 4
        assert found["router-bit"] == 6
        assert found["bus-bit"] == 6 * 2 + 8 * 8  # to both column tiles, and eight results of eight bits
        assert found["column-second"] == pytest.approx(8 * chip.ledger.latency)
        assert "dac-conversion" not in found

    def test_numbers(self):
        found = events(self.chip(torch.rand(2, 6), dac_bits=5, adc_bits=6), "0")
        assert found["router-bit"] == 6 * 5
        assert found["bus-bit"] == 6 * 5 * 2 + 8 * 6
        assert found["dac-conversion"] == 6 * 2  # a DAC for each row of each column tile

    def test_leakage_is_in_every_total(self):
        chip = self.chip(torch.rand(2, 6))
        leakage = CARD.price("column-second").energy * 8 * chip.ledger.latency
        assert chip.ledger.breakdown()["leakage"] == pytest.approx(leakage, rel=1e-9)
        assert sum(chip.ledger.breakdown("layer").values()) == pytest.approx(chip.ledger.energy)
        chip.ledger.clear()
        assert chip.ledger.lines() == []


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [(1, 0, 1), (1, 1, 1), (2, 1, 1), (1, 2, 2), (3, 2, 1), (1, 3, 1)]
)
def test_a_border_takes_no_dac(stride, padding, dilation):
    """Loops over output pixels and taps; pixels of 0 inside the image are converted like any other."""
    conv = torch.nn.Conv2d(2, 3, 3, stride=stride, padding=padding, dilation=dilation, bias=False)
    image = torch.rand(2, 2, 6, 5)
    image[:, :, 2] = 0.0
    height, width = conv(image).shape[-2:]
    inside = sum(
        0 <= i * stride - padding + a * dilation < 6 and 0 <= j * stride - padding + b * dilation < 5
        for i in range(height) for j in range(width) for a in range(3) for b in range(3)
    )  # fmt: skip
    net = torch.nn.Sequential(conv)
    chip = memsim.to_crossbar(net, CARD, chips=2, calibration=image).program()
    chip.ledger.clear()
    chip(image)
    assert events(chip, "0")["dac-conversion"] == pytest.approx(2 * inside)
    with torch.no_grad(), DigitalWork(net) as work:
        net(image)
    (matrix,) = work.works
    assert matrix.entered == 2 * inside


def test_groups_and_both_borders_of_a_convolution():
    conv = torch.nn.Conv1d(4, 6, 3, padding=1, groups=2, bias=False)
    image = torch.rand(1, 4, 5)
    net = torch.nn.Sequential(conv)
    chip = memsim.to_crossbar(net, CARD, chips=1, calibration=image).program()
    chip.ledger.clear()
    chip(image)
    assert events(chip, "0")["dac-conversion"] == pytest.approx((5 * 3 - 2) * 4)


def test_more_energy_of_an_event_is_more_in_all():
    """Every event of the crossbars' bill: twice its price adds its energy once more."""
    chip = TestChip().chip(torch.rand(2, 6))
    for line in chip.ledger.lines():
        if line.event in ("sample-hold", "bus-bit", "router-bit", "column-second"):
            before = chip.ledger.energy
            own = {"energy [J]": 2 * line.price, "source": "twice as much", "node": "45nm"}
            chip.ledger.card = chip.card.replace(prices={line.event: own})
            assert chip.ledger.energy == pytest.approx(before + line.energy)
            chip.ledger.card = chip.card
    assert total(chip.ledger.lines()) == chip.ledger.energy
