"""Which layers hold a map, and where images, steps and places are in their outputs."""

import pytest
import torch
from torch import nn

from memsim import models
from memsim.models.seeing.places import chosen, grid_of, layers


def found(name, in_shape=(3, 32, 32), **fields):
    net = models.build(name, in_shape=in_shape, **fields).eval()
    return layers(net, torch.rand(2, *in_shape))


def test_maps_and_tokens_of_time_steps():
    some = found("s2tdpt-1-32", steps=3)
    conv, block = some["patches.stages.0.conv"], some["blocks.0"]
    assert (conv.grid, conv.tokens, conv.axis.axis, conv.axis.outer) == ((32, 32), False, 0, 3)
    assert (block.grid, block.tokens, block.axis.axis, block.channels) == ((8, 8), True, 1, 32)
    x = torch.arange(3 * 4 * 64 * 32.0).view(3, 4, 64, 32)  # (T, chips x images, N, D)
    maps = block.maps(x, chips=2)
    assert maps.shape == (2, 2, 3, 32, 8, 8)
    assert maps[1, 0, 2, 5, 3, 4] == x[2, 2, 3 * 8 + 4, 5]


def test_time_merged_with_images_is_taken_apart():
    conv = found("s2tdpt-1-32", steps=3)["patches.stages.0.conv"]
    x = torch.rand(3 * 4, conv.channels, 32, 32)
    assert torch.equal(conv.maps(x, chips=2)[1, 1, 2], x.view(3, 4, *x.shape[1:])[2, 3])


def test_heads_are_no_map_and_neither_are_features():
    some = found("s2tdpt-1-64")
    assert not [name for name in some if name.endswith(("core", "head", "mean"))]
    assert "lifs.2" in found("masnn", (2, 32, 32), steps=3, reduction_t=1)
    assert "hidden_lif" not in found("masnn", (2, 32, 32), steps=3, reduction_t=1)


def test_oblong_pictures_have_oblong_grids():
    assert found("vit-1-32", (3, 32, 64))["blocks"].grid == (8, 16)
    assert grid_of(16, (28, 28)) == (4, 4)
    assert grid_of(65, (32, 32)) is None  # 64 and a class token
    assert grid_of(1, (32, 32)) is None


def test_a_module_called_at_every_step_has_its_calls_as_steps():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 3, 3), nn.Linear(3, 2)

        def forward(self, x):
            return sum(self.head(self.conv(x * step).mean((2, 3))) for step in (1, 2, 3, 4))

    layer = layers(Loop(), torch.rand(2, 1, 6, 6))["conv"]
    assert layer.maps(torch.rand(4, 5, 3, 4, 4)).shape == (1, 5, 4, 3, 4, 4)


def test_a_network_without_a_map_has_no_layers():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    assert layers(net, torch.rand(2, 1, 8, 8)) == {}


def test_a_layer_that_holds_none_is_refused_with_the_likely_slip():
    some = found("s2tdpt-1-32")
    assert chosen(some, "blocks.0").grid == (8, 8)
    with pytest.raises(ValueError, match=r"did you mean 'blocks\.0'"):
        chosen(some, "block.0")
    with pytest.raises(ValueError, match=r"'head' holds no map.*There are patches, .*blocks\.0, "):
        chosen(some, "head")
