"""Layers with more than one name or call, tied and parametrised weights, subclasses, wrapped networks."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import weight_norm as old_weight_norm

from tests.zoo.entry import Inputs, Made, normals, pictures, zoo
from tests.zoo.layout_networks import Calls, two

ENTRIES, entry = zoo()


@entry()
def one_layer_under_two_names() -> Made:
    shared = nn.Linear(6, 6)
    net = Calls(lambda m, x: m.b(m.second(m.first(x).relu()).relu()), first=shared, second=shared)
    net.b = nn.Linear(6, 3)
    return Made(net, normals(6), arrays=2)


@entry()
def called_twice() -> Made:
    net = Calls(lambda m, x: m.b(m.a(m.a(x).relu()).relu()), a=nn.Linear(6, 6), b=nn.Linear(6, 3))
    return Made(net, normals(6), arrays=2)


@entry()
def two_linears_with_one_weight() -> Made:
    net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))
    net[2].weight = net[0].weight
    return Made(net, normals(6))


@entry()
def embedding_tied_to_the_head() -> Made:
    net = nn.Sequential(nn.Embedding(11, 6), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 11, bias=False))
    net[3].weight = net[0].weight
    return Made(net, lambda n: Inputs((torch.randint(11, (n, 4)),)), digital=("0.weight",))


def _parametrised(change) -> Made:
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    change(net[0])
    return Made(net.eval(), normals(6), arrays=2)


@entry()
def weight_norm() -> Made:
    return _parametrised(parametrizations.weight_norm)


@entry()
def weight_norm_of_old() -> Made:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, yet in many networks
        return _parametrised(old_weight_norm)


@entry()
def spectral_norm() -> Made:
    return _parametrised(parametrizations.spectral_norm)


@entry()
def orthogonal() -> Made:
    return _parametrised(parametrizations.orthogonal)


@entry()
def pruned() -> Made:
    return _parametrised(lambda layer: prune.l1_unstructured(layer, "weight", 0.5))


class Scaled(nn.Linear):
    """A linear layer with a forward of its own, which still multiplies by its weight."""

    def forward(self, input):
        return super().forward(input * 2.0)


class Standardised(nn.Conv2d):
    """A convolution whose weight is changed in its forward."""

    def forward(self, input):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(input, weight, self.bias)


@entry()
def linear_with_a_forward_of_its_own() -> Made:
    return Made(nn.Sequential(Scaled(6, 8), nn.ReLU(), nn.Linear(8, 3)), normals(6))


@entry()
def convolution_with_a_forward_of_its_own() -> Made:
    net = nn.Sequential(Standardised(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return Made(net, pictures(2, 6, 6), digital=("0.weight",))


class Plain(nn.Linear):
    """A subclass that changes nothing."""


@entry()
def subclass_of_linear() -> Made:
    return Made(nn.Sequential(Plain(6, 8), nn.ReLU(), Plain(8, 3)), normals(6), arrays=2)


@entry()
def weight_read_by_the_parent() -> Made:
    net = Calls(lambda m, x: m.b(nn.functional.linear(x, m.a.weight, m.a.bias).relu()), **two())
    return Made(net, normals(6))


@entry()
def parameter_of_the_parent() -> Made:
    net = Calls(lambda m, x: m.b(nn.functional.linear(x, m.matrix).relu()), b=nn.Linear(8, 3))
    net.matrix = nn.Parameter(torch.randn(8, 6))
    return Made(net, normals(6), digital=("matrix",))


@entry()
def half_precision() -> Made:
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).half()
    return Made(net, lambda n: Inputs((torch.randn(n, 6).half(),)), arrays=2)


@entry()
def bfloat16() -> Made:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).bfloat16()
    return Made(net, lambda n: Inputs((torch.rand(n, 1, 6, 6).bfloat16(),)), arrays=2)


@entry()
def double_precision() -> Made:
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    return Made(net, lambda n: Inputs((torch.randn(n, 6).double(),)), arrays=2)


@entry()
def fx_graph() -> Made:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    return Made(torch.fx.symbolic_trace(net), pictures(1, 6, 6), arrays=2)


@entry()
def compiled() -> Made:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own import is deprecated to itself
        net = torch.compile(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)))
    return Made(net, normals(6), arrays=2)  # type: ignore[arg-type]


@entry()
def lazy_layers() -> Made:
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    with torch.no_grad():
        net(torch.rand(1, 1, 6, 6))
    return Made(net, pictures(1, 6, 6), arrays=2)


@entry()
def data_parallel() -> Made:
    net = nn.DataParallel(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)))
    return Made(net, normals(6), arrays=2)


@entry()
def left_in_train_mode() -> Made:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)
    )
    return Made(net.train(), pictures(1, 6, 6), arrays=2)
