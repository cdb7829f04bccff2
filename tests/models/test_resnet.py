"""A residual network is built by name, has the layout of ResNet-18, and runs on arrays as it does without."""

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.models.networks.resnet import ResNet


def images(count: int, side: int = 12) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1))


def test_its_width_says_its_matrices():
    """Counted by hand: of width w 10 w^2 k^2 products of stages, three shortcuts, stem and head."""
    net = models.build("resnet18-8", in_shape=(1, 28, 28), num_classes=7)
    widths, before, wanted = [8, 16, 32, 64], 8, 9 * 8
    for width in widths:
        wanted += 9 * (before * width + 3 * width * width) + (before * width if before != width else 0)
        before = width
    found = [m.weight.numel() for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(found) == 1 + 16 + 3 + 1 and sum(found) == wanted + 64 * 7
    assert net(images(3, 28)).shape == (3, 7)
    assert models.configure("resnet18-8-fashion") == models.configure("resnet18-8", in_shape=(1, 28, 28))


def test_a_picture_halves_at_every_stage_but_the_first():
    net, seen = models.build("resnet18-4", in_shape=(1, 28, 28)), []
    for block in net.blocks:
        block.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
    net(images(1, 28))
    assert seen[::2] == [(4, 14, 14), (8, 7, 7), (16, 4, 4), (32, 2, 2)]


def test_ideal_arrays_give_its_own_logits_and_a_file_too(tmp_path):
    torch.manual_seed(0)
    net = models.build("resnet18-2", in_shape=(1, 12, 12), blocks=(1, 1)).train()
    net(images(16))  # batch norms take statistics
    ideal = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    chip = memsim.to_crossbar(net.eval(), ideal, chips=2, calibration=images(4), strict=True).program()
    with torch.no_grad():
        wanted = net.double()(images(3).double())
        torch.testing.assert_close(chip(images(3)), wanted.expand(2, -1, -1), rtol=1e-10, atol=1e-12)
    net.calibration_images = images(4)
    again = models.load(models.save(net.float(), tmp_path / "net.safetensors"))
    assert isinstance(again, ResNet) and torch.equal(again(images(2)), net(images(2)))


@pytest.mark.parametrize("name", ["resnet18", "resnet18-x", "resnet34-8"])
def test_other_names_are_none_of_its(name):
    with pytest.raises(ValueError, match="no network"):
        models.build(name)


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="needed"):
        models.build("resnet18-2", in_shape=(1, 12, 12))(images(2, 10))
