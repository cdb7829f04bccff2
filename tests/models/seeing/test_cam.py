"""Class-activation maps against their closed forms, on networks whose answer is known by hand."""

import pytest
import torch
from torch import nn

from memsim import models
from memsim.models.seeing.cam import grad_cam
from memsim.models.seeing.class_layer import class_layer, with_head
from memsim.models.seeing.places import chosen, layers
from memsim.models.seeing.view import class_maps, digital


class Pooled(nn.Module):
    """A convolution, a global mean, a linear head; `behind` stands between mean and head."""

    def __init__(self, behind=None):
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 6, 3, padding=1), nn.ReLU()
        self.behind, self.head = behind or nn.Identity(), nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.behind(self.act(self.conv(x)).mean((2, 3))))


def seen(net, x, name=None, classes=None):
    view = with_head(digital(net, dtype=torch.float64), x)
    found = layers(view.net, x)
    layer = class_layer(view, found, x) if name is None else chosen(found, name)
    assert layer is not None
    return class_maps(view, x, layer, torch.arange(len(x)) % 4 if classes is None else classes), layer


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_grad_cam_of_a_mean_and_a_linear_head_is_cam():
    torch.manual_seed(0)
    net, x = Pooled().double(), images(5, 1, 8, 8)
    found, layer = seen(net, x)
    assert layer.name == "act"
    a, rows = net.conv(x).relu(), net.head.weight[torch.arange(5) % 4]
    assert torch.allclose(found.maps[0], torch.einsum("bk,bkhw->bhw", rows, a), atol=1e-12)
    logit = found.maps[0].mean((1, 2)) + net.head.bias[torch.arange(5) % 4]
    assert torch.allclose(logit, net(x).gather(1, (torch.arange(5) % 4)[:, None])[:, 0], atol=1e-12)


def test_grad_cam_by_hand():
    a = torch.zeros(2, 2, 1, 2)  # (T, K, h, w)
    a[0, 0, 0], a[1, 0, 0], a[0, 1, 0] = (
        torch.tensor([1.0, 3]),
        torch.tensor([1.0, 0]),
        torch.tensor([2.0, 2]),
    )
    gradient = torch.tensor([0.5, -0.25])[None, :, None, None].expand_as(a)  # sums 2 and -1 over four points
    assert torch.equal(grad_cam(a, gradient), torch.tensor([[2 * 1 - 1.0, 2 * 1.5 - 1.0]]))


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="shapes must be one"):
        grad_cam(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 4))


def test_no_layer_is_exact_behind_which_something_bends():
    torch.manual_seed(0)
    net, x = Pooled(nn.Tanh()).double(), images(3, 1, 8, 8)
    view = with_head(digital(net, dtype=torch.float64), x)
    assert view.head is not None and class_layer(view, layers(view.net, x), x) is None


FAMILY = {
    "s2tdpt-1-32": "blocks.0",
    "spikformer-1-32": "blocks.0",
    "spikingformer-1-32": "blocks.0",
    "sew-resnet18-4": "blocks.7",
    "ms-resnet18-4": "trunk",
    "att-ms-resnet18-8": "trunk",
    "vit-1-32": "blocks",
    "resnet18-4": "blocks",
    "sdt-1-32": None,
}


def excited(name, **fields):
    """A network whose neurons fire."""
    torch.manual_seed(1)
    net = models.build(name, in_shape=fields.pop("in_shape", (3, 32, 32)), **fields).double().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, 0.2, 1.2)
    return net


@pytest.mark.parametrize(("name", "place"), FAMILY.items(), ids=list(FAMILY))
def test_in_every_network_whose_head_reads_a_mean_the_map_sums_up_to_the_logit(name, place):
    net, x = excited(name), images(3, 3, 32, 32)
    view = with_head(digital(net, dtype=torch.float64), x)
    found = layers(view.net, x)
    layer = class_layer(view, found, x)
    assert view.head is not None
    assert (None if layer is None else layer.name) == place
    if layer is not None:
        wanted = torch.tensor([0, 4, 9])
        one = class_maps(view, x, layer, wanted)
        logit = one.maps[0].mean((1, 2)) + net.head.bias[wanted]
        assert torch.allclose(logit, one.logits[0, torch.arange(3), wanted], atol=1e-9)
        assert float(one.maps.std()) > 0


def test_event_frames_are_time_steps():
    net = excited("spikingformer-1-32", in_shape=(2, 16, 16))
    x = images(3, 5, 2, 16, 16).round()  # (B, T, C, H, W)
    view = with_head(digital(net, batch_axis=1, dtype=torch.float64), x)
    found = layers(view.net, x.movedim(0, 1), 1)
    layer = class_layer(view, found, x)
    assert layer is not None and layer.name == "blocks.0"
    one = class_maps(view, x, layer, torch.tensor([1, 2, 3]))
    logit = one.maps[0].mean((1, 2)) + net.head.bias[1:4]
    assert torch.allclose(logit, one.logits[0, torch.arange(3), torch.arange(1, 4)], atol=1e-9)


def test_an_image_alone_is_the_image_in_a_batch():
    net, x = excited("s2tdpt-1-32"), images(3, 3, 32, 32)
    wanted = torch.tensor([2, 5, 7])
    whole, _ = seen(net, x, "blocks.0.mlp.lif1", wanted)
    alone, _ = seen(net, x[1:2], "blocks.0.mlp.lif1", wanted[1:2])
    assert torch.allclose(whole.maps[0, 1], alone.maps[0, 0], atol=1e-12)


def test_inside_a_spiking_network_gradients_take_the_surrogate():
    """The steeper the surrogate, the fewer potentials have a slope: the map changes, the spikes do not."""
    x, wanted = images(2, 3, 32, 32), torch.tensor([0, 1])
    soft, steep = (seen(excited("s2tdpt-1-32", alpha=alpha), x, "patches", wanted)[0] for alpha in (2.0, 8.0))
    assert torch.equal(soft.logits, steep.logits)
    assert not torch.allclose(soft.maps, steep.maps)


@pytest.mark.parametrize("wanted", [-1, 10])
def test_a_class_that_is_none_is_refused(wanted):
    with pytest.raises(ValueError, match="0 to 9"):
        seen(excited("vit-1-32"), images(1, 3, 32, 32), "blocks", torch.tensor([wanted]))
