"""Digital baselines: published counts and energies, Lemaire's equations by hand, the table's two ways."""

import pytest
import torch

from memsim import CardError, ChipCard, models
from memsim.energy import baselines
from memsim.energy.digital_work import DigitalWork
from memsim.energy.work import Attention, Matrix, Neurons, Other, scaled, spike_rate
from tests.memsim.made import numbers

CARD = ChipCard.load("default")


def linear(**instead) -> Matrix:
    """Ten inputs, four outputs, two positions, three steps, 15 spikes."""
    given = {
        "name": "fc", "rows": 10, "columns": 4, "positions": 2, "passes": 3, "inputs": 20,
        "ones": 15, "drives": 15,
    }  # fmt: skip
    return Matrix(**given | instead)


class TestCounts:
    """What a watched network did."""

    def test_spikes_are_told_from_numbers_and_images_are_averaged(self):
        net = torch.nn.Sequential(torch.nn.Linear(6, 4, bias=False))
        with DigitalWork(net) as count:
            net(torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0]]))
        (work,) = count.works
        assert (work.spikes, work.ones, work.accumulates, work.dense) == (True, 1.5, 6.0, 24.0)
        with DigitalWork(net) as count:
            net(torch.full((2, 6), 0.5))
        assert not count.works[0].spikes

    def test_a_convolution_counts_what_its_edge_sees(self):
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 5, 3, padding=1, bias=False))
        image = torch.zeros(1, 1, 4, 4)
        image[..., 0, 0] = image[..., 1, 1] = 1.0
        with DigitalWork(net) as count:
            net(image)
        (work,) = count.works
        assert (work.ones, work.drives, work.accumulates) == (2.0, 4 + 9, 5 * 13)
        assert (work.rows, work.columns, work.positions, work.inputs, work.taps) == (9, 5, 16, 16, 9)

    def test_the_encoder_and_the_head_count_once_for_an_image(self):
        net = models.load("s2tdpt-digits")
        with torch.no_grad(), DigitalWork(net) as count:
            net(torch.rand(3, 1, 8, 8))
        matrices = {w.name: w for w in count.works if isinstance(w, Matrix)}
        assert {n for n, m in matrices.items() if not m.spikes} == {"patches.encoder", "head"}
        assert matrices["patches.encoder"].dense == 64 * net.config.widths[0] * 9
        assert matrices["head"].dense == 64 * 10
        assert matrices["head"].passes == matrices["patches.encoder"].passes == 1
        assert {m.passes for m in matrices.values() if m.spikes} == {net.config.steps}

    def test_a_rate_scales_spikes_and_nothing_else(self):
        works = [linear(), linear(spikes=False), Other(name="add", event="digital-add", number=7)]
        doubled = scaled(works, 2.0)
        assert (doubled[0].ones, doubled[0].drives) == (30, 30) and doubled[1:] == works[1:]
        assert spike_rate(doubled) == 2 * spike_rate(works) == pytest.approx(2 * 15 / 60)


class TestPapers:
    """The papers' count at 4.6 and .9 pJ."""

    def test_spikingformers_published_counts_give_its_published_energy(self):
        """0.347329512 G MAC, 6.51754094 G AC: 7.463502602 mJ (Spikingformer-8-512, Zhou et al. 2023)."""
        works = [
            linear(rows=1, columns=1, positions=0.347329512e9, passes=1, spikes=False),
            linear(rows=1, columns=1, positions=6.51754094e9, passes=1, inputs=1, ones=1.0),
        ]
        energy = baselines.total(baselines.sop(works, CARD))
        assert energy == pytest.approx(7.463502602e-3, rel=1e-9)

    def test_an_ann_of_the_papers_size(self):
        """0.924 G MAC are 4.25 mJ."""
        works = [linear(rows=1, columns=1, positions=0.924e9, passes=1, spikes=False)]
        assert baselines.total(baselines.sop(works, CARD)) == pytest.approx(4.25e-3, rel=1e-3)

    def test_the_two_price_lists(self):
        works = [linear()]
        assert baselines.total(baselines.sop(works, CARD)) == pytest.approx(60 * 0.9e-12)
        assert baselines.total(baselines.sop_integer(works, CARD)) == pytest.approx(60 * 0.05e-12)

    def test_attention_adds_every_value_spike_into_every_query(self):
        work = Attention(name="core", steps=1, heads=1, tokens=5, width=4, q=3, k=2, v=1)
        assert numbers(baselines.sop([work], CARD)) == {"sop-ac": 3 + 2 + 1 * 5}


class TestTableAttention:
    """Exact attention in integers, the cheaper way; both by hand."""

    def test_few_values_go_pair_by_pair(self):
        work = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)
        found = numbers(baselines.lut([work], CARD))
        moved = {"bus-bit": (3 + 16) * 2 * 3 * 5 * 4, "router-bit": 3 * 2 * 3 * 5 * 4}
        assert found == {"digital-add": 9 + 8 + 7 * 5, "digital-compare": 2 * 3 * 25} | moved

    def test_many_tokens_of_few_levels_go_by_level(self):
        """500 tokens, three levels: 6 x 3 x 2 filled entries, three query levels each."""
        work = Attention(name="core", steps=2, heads=3, tokens=500, width=2, q=9, k=8, v=2900)
        found = numbers(baselines.lut([work], CARD))
        moved = {"bus-bit": (3 + 16) * 2 * 3 * 500 * 2, "router-bit": 3 * 2 * 3 * 500 * 2}
        assert found == {"digital-add": 9 + 8 + 2900, "digital-mac": 3 * 6 * 3 * 2} | moved


class TestMemory:
    """Lemaire et al. (ICONIP 2022) with their errata; T steps, theta spikes in and out."""

    neurons = Neurons(name="lif", number=8, steps=3, spikes=5)

    def test_a_fully_connected_layer(self):
        """ACC theta N_o + T N_o + theta_out, MAC T N_o; address ACC theta N_o."""
        found = numbers(baselines.memory([linear(), self.neurons], CARD))
        sums, steps = 15 * 4, 3 * 8
        assert found["digital-add"] == sums + 15 * 4 + steps + 5
        assert found["digital-mac"] == steps
        assert found["weights read [bit]"] == 8 * sums
        assert found["membranes [bit]"] == 16 * (2 * sums + 2 * steps)
        assert found["biases read [bit]"] == 16 * steps
        assert found["spikes read [bit]"] == 15 * 5  # 20 inputs have addresses of five bits
        assert found["spikes written [bit]"] == 5 * 3

    def test_a_convolution_also_computes_its_addresses(self):
        """Address MAC 2 theta, ACC theta H_k W_k."""
        found = numbers(baselines.memory([linear(taps=9, drives=100)], CARD))
        assert found["digital-mac"] == 2 * 15
        assert found["digital-add"] == 100 * 4 + 15 * 9

    def test_a_memory_costs_by_what_it_holds(self):
        lines = {line.event: line for line in baselines.memory([linear(rows=8192, columns=4)], CARD)}
        assert lines["weights read [bit]"].price == pytest.approx(20e-12 / 64)  # 32 KB

    def test_dense_reads_each_weight_once_and_each_value_once_a_step(self):
        found = numbers(baselines.dense([linear()], CARD))
        assert found["weights read [bit]"] == 8 * 40
        assert found["inputs read [bit]"] == 20 * 3
        assert found["sums written [bit]"] == 16 * 8 * 3
        assert found["digital-add"] == 40 * 2 * 3 + 8 * 3

    def test_a_dense_bill_does_not_depend_on_spikes_and_an_event_driven_one_does(self):
        works = [linear(), self.neurons]
        dense, event = (
            [baselines.total(bill(scaled(works, f), CARD)) for f in (1, 2)]
            for bill in (baselines.dense, baselines.memory)
        )
        assert dense[0] == dense[1] and event[1] > 1.5 * event[0]


class TestQuantised:
    """An ANN of the same shape whose activations hold a spike count."""

    def test_four_steps_are_three_bits(self):
        works = [linear(), Neurons(name="lif", number=8, steps=4, spikes=5)]
        found = numbers(baselines.qnn(works, CARD))
        assert found["3-bit product"] == 10 * 4 * 2  # once, not in every step
        assert found["inputs read [bit]"] == 3 * 20 and found["activations written [bit]"] == 3 * 8

    @pytest.mark.parametrize(
        ("steps", "share"), [(4, 9.375), (5, 7.5), (6, 6.25), (7, 5.36), (8, 6.25), (10, 5.0)]
    )
    def test_its_published_break_even(self, steps, share):
        works = [Neurons(name="lif", number=1, steps=steps, spikes=0)]
        assert 100 * baselines.qnn_break_even(works) == pytest.approx(share, abs=0.01)


def test_doubling_a_count_doubles_its_line_and_no_other():
    works = [linear(), Other(name="pool", event="digital-compare", number=6)]
    twice = [works[0], Other(name="pool", event="digital-compare", number=12)]
    before, after = (baselines.lut(w, CARD) for w in (works, twice))
    assert after[-1].energy == 2 * before[-1].energy and before[:-1] == after[:-1]


def test_a_technology_without_sram_is_refused_not_taken_for_free(tmp_path):
    path = tmp_path / "node.toml"
    names = ("int16-add", "int8-multiply", "int8-add", "bus-bit", "router-bit", "bit-second")
    parts = "".join(f'[parts.{name}]\n"energy [J]" = 1e-13\nsource = "a good guess"\n' for name in names)
    path.write_text(f'name = "mine"\n{parts}')
    card = ChipCard.parse({"name": "chip", "technology": str(path)})
    with pytest.raises(CardError, match=r"no \[sram\]"):
        baselines.dense([linear()], card)
    assert baselines.total(baselines.sop_integer([linear()], card)) > 0


def test_every_line_of_every_bill_has_a_source():
    works = [linear(), linear(name="encoder", spikes=False), TestMemory.neurons]
    works += [Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)]
    for bill in baselines.BASELINES.values():
        assert all(len(line.source) > 8 for line in bill(works, CARD))
    (line,) = baselines.weights_from_dram(works[:1], CARD)
    assert line.energy == pytest.approx(40 * 8 * 8e-12)


def test_a_chip_without_room_fetches_every_weight_once():
    works = [linear()]
    lines = baselines.dram(works, CARD)
    fetched = [line for line in lines if "LPDDR4" in line.event]
    assert [line.number for line in fetched] == [linear().rows * linear().columns * 8]
    rest = baselines.total(baselines.dense(works, CARD))
    assert baselines.total(lines) == pytest.approx(rest + baselines.total(fetched), rel=1e-12)
    assert baselines.total(fetched) == pytest.approx(fetched[0].number * 8e-12, rel=0.01)
