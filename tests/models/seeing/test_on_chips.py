"""Maps of networks on chips: the same noise as any pass, the same for any company, digital where ideal."""

import pytest
import torch

import memsim
from memsim import models
from memsim.models.seeing.class_layer import class_layer, with_head
from memsim.models.seeing.kinds import ATTENTION, CLASS, SPIKES, maps
from memsim.models.seeing.places import layers
from memsim.models.seeing.randomised import randomised
from memsim.models.seeing.record import record
from memsim.models.seeing.view import class_maps, digital, look, on_chips

IMAGES = 3


@pytest.fixture(scope="module")
def net():
    return models.load("s2tdpt-digits")


@pytest.fixture(scope="module")
def x():
    return models.datasets.load("digits").x_test[:IMAGES]


@pytest.fixture(scope="module")
def plain(net, x):
    return with_head(digital(net), x)


@pytest.fixture(scope="module")
def found(plain, x):
    return layers(plain.net, x)


@pytest.fixture(scope="module")
def chip(net):
    made = memsim.to_crossbar(net, "default", chips=2, seed=3, calibration=net.calibration_images)
    return made.program().advance_to(86400.0)


WANTED = torch.tensor([2, 3, 4])


@pytest.mark.parametrize("name", ["blocks.1", "blocks.0", "patches.stages.0.lif"])
def test_a_look_changes_no_number_and_counts_nothing(chip, plain, found, x, name):
    counted = len(chip.ledger.lines())
    passed = look(on_chips(chip, plain.head), x, found[name], WANTED, range(IMAGES))
    assert len(chip.ledger.lines()) == counted
    assert torch.equal(passed.logits, chip(x, image=range(IMAGES)))
    assert passed.activation.shape[:3] == passed.gradient.shape[:3] == (2, IMAGES, 4)
    assert float(passed.gradient.abs().sum()) > 0


def test_activations_are_those_that_chip_record_gives(chip, plain, found, x):
    layer = found["blocks.1.mlp.lif1"]
    passed = look(on_chips(chip, plain.head), x, layer, WANTED, range(IMAGES))
    kept = chip.record(x, image=range(IMAGES))
    assert torch.equal(passed.activation, layer.of_images(kept.spikes[layer.name]))


def test_at_the_class_layer_the_map_is_the_trained_heads_of_recorded_membranes(chip, plain, found, net, x):
    layer = class_layer(plain, found, x)
    view = on_chips(chip, plain.head)
    passed = look(view, x, layer, WANTED, range(IMAGES))
    seen = class_maps(view, x, layer, WANTED)
    by_hand = torch.einsum("bk,sbkhw->sbhw", net.head.weight[WANTED], passed.activation.mean(2))
    assert torch.allclose(seen.maps, by_hand, atol=1e-5)


def test_clipping_of_the_heads_adc_hides_no_map(chip, plain, found, x):
    """The gradient of a logit beyond the ADC's range is zero; that of what the head reads is not."""
    seen = class_maps(on_chips(chip, plain.head), 1 - x, found["blocks.1"], WANTED)
    assert (seen.maps.flatten(2).std(-1) > 0).all()


@pytest.mark.parametrize("name", ["blocks.1", "blocks.0.attention.lif"])
def test_alone_in_a_batch_and_on_one_chip_or_several(net, chip, plain, found, x, name):
    whole = class_maps(on_chips(chip, plain.head), x, found[name], WANTED)
    alone = class_maps(on_chips(chip, plain.head), x[2:], found[name], WANTED[2:], names=[2])
    assert torch.allclose(whole.maps[:, 2:], alone.maps, rtol=1e-4, atol=1e-6)
    one = memsim.to_crossbar(net, "default", chips=[1], seed=3, calibration=net.calibration_images)
    single = class_maps(on_chips(one.program().advance_to(86400.0), plain.head), x, found[name], WANTED)
    assert torch.equal(single.logits[0], whole.logits[1])
    assert torch.allclose(single.maps[0], whole.maps[1], rtol=1e-4, atol=1e-6)


def test_on_ideal_cells_every_kind_of_map_is_the_digital_one(net, x):
    card = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    exact = with_head(digital(net, dtype=torch.float64), x)
    some = layers(exact.net, x)
    chip = memsim.to_crossbar(net, card.without("adc", "dac"), chips=2, calibration=net.calibration_images)
    for name in ("blocks.1", "patches.stages.1"):
        one = maps(exact, x, some[name], WANTED, some)
        other = maps(on_chips(chip.program(), exact.head), x, some[name], WANTED, some)
        assert list(one.kinds) == list(other.kinds) == [CLASS, SPIKES, ATTENTION]
        for kind in one.kinds:
            assert torch.allclose(
                one.kinds[kind].expand(2, -1, -1, -1), other.kinds[kind].double(), atol=1e-9
            )
        assert all(torch.equal(other.raster[layer], fired) for layer, fired in one.raster.items())


def test_a_digital_record_has_the_form_of_a_chips(chip, plain, found, x):
    one, other = record(plain, x, found, range(IMAGES)), record(on_chips(chip), x, found, range(IMAGES))
    for here, there in ((one.spikes, other.spikes), (one.membranes, other.membranes),
                        (one.attention, other.attention)):  # fmt: skip
        assert {n: t.shape[1:] for n, t in here.items()} == {n: t.shape[1:] for n, t in there.items()}
    assert one.output.shape[1:] == other.output.shape[1:]


def test_randomised_weights_change_the_map_but_not_what_a_matrix_holds(net, plain, found, x):
    layer = found["blocks.1"]
    mixed = randomised(net, seed=1)
    own, other = (class_maps(view, x, layer, WANTED).maps for view in (plain, with_head(digital(mixed), x)))
    assert not torch.allclose(own, other)
    for name, matrix in net.named_parameters():
        new = mixed.get_parameter(name)
        assert torch.equal(matrix.flatten().sort().values, new.flatten().sort().values)
        assert torch.equal(matrix, new) == (matrix.dim() < 2), name
    head = randomised(net, seed=1, layers="head")
    assert torch.equal(head.head.weight, mixed.head.weight)
    assert torch.equal(head.blocks[0].mlp.fc1.linear.weight, net.blocks[0].mlp.fc1.linear.weight)
    with pytest.raises(ValueError, match="'heads'"):
        randomised(net, layers="heads")


def test_what_cannot_be_looked_into_is_refused(net):
    chip = memsim.to_crossbar(net, "default", chips=1, calibration=net.calibration_images)
    with pytest.raises(RuntimeError, match="not programmed"):
        on_chips(chip)
    with pytest.raises(RuntimeError, match="in training"):
        on_chips(chip.program().train())


@pytest.mark.parametrize("order", ["digital", "hebbian", "score"])
def test_arrays_that_hold_no_attention_weights_give_no_attention_map(order, x):
    dot = models.load("s2tdpt-digits-dot")
    card = memsim.ChipCard.load("default").replace(attention={"order": order})
    chip = memsim.to_crossbar(dot, card, chips=1, calibration=dot.calibration_images)
    view = with_head(digital(dot), x)
    some = layers(view.net, x)
    for one in (view, on_chips(chip.program(), view.head)):
        assert list(maps(one, x, some["blocks.0"], WANTED, some).kinds) == [CLASS, SPIKES]
