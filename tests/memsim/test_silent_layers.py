"""Layouts of layers that hardly any image of a probe reaches: as those of the layers that are sure."""

import pytest
import torch
from torch import Tensor, nn

from memsim import ChipCard, to_crossbar

T, N, D = 4, 16, 6


class Steps(nn.Module):
    """Maps of T time steps, merged with the images, and tokens whose rows are merged with both."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.silent = nn.Conv2d(D, D, 1, bias=False), nn.Conv2d(D, D, 1, bias=False)
        self.tokens, self.last = nn.Linear(D, D), nn.Linear(D, D)

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(T, *x.shape)  # (T, B, D, 4, 4)
        one = self.first(x.flatten(0, 1)).unflatten(0, (T, -1))
        step = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(T, 1, 1, 1, 1)  # silent but for one time step
        quiet = self.silent((step * one).flatten(0, 1)).unflatten(0, (T, -1))
        x = (one + quiet).flatten(3).mT  # (T, B, N, D)
        return self.last(self.tokens((0 * x).flatten(0, 2)).unflatten(0, x.shape[:3]) + x).mean((0, 2))


class Mute(nn.Module):
    """A layer that no image reaches, and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Linear(D, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens((0 * x).flatten(2).mT.flatten(0, 1)).unflatten(0, (len(x), -1)).mean(1)


def layouts(net: nn.Module) -> dict[str, tuple[int, int]]:
    images = torch.rand(8, D, 4, 4, generator=torch.Generator().manual_seed(0))
    chip = to_crossbar(net, ChipCard.load("default"), chips=2, calibration=images)
    chip.program()
    (found,) = chip.mapped.found.values()
    return {name: (one.outer, one.inner) for name, (one,) in found.layouts.items() if one is not None}


def test_a_silent_layer_has_the_time_steps_of_the_others() -> None:
    torch.manual_seed(0)
    found = layouts(Steps())
    assert found["first"] == (T, 1) and found["last"] == (T, N)  # sure
    assert found["silent"] == (T, 1)  # (2, 2) explains what changed, too
    assert found["tokens"] == (T, N)  # every division explains that nothing changed


def test_a_layer_that_no_image_reaches_is_refused_where_no_other_says_how() -> None:
    with pytest.raises(ValueError, match=r"tokens: its input is the same for all images .* reach this layer"):
        layouts(Mute())


class Orders(nn.Module):
    """Layers whose rows are time-major, and two whose rows are image-major and the same for all images."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.first, self.second, self.places, self.dead = (nn.Linear(D, D) for _ in range(4))
        self.place, self.threshold = nn.Parameter(torch.randn(T, D)), threshold

    def forward(self, x: Tensor) -> Tensor:
        steps = self.second(self.first(x.expand(T, *x.shape).flatten(0, 1))).unflatten(0, (T, -1))
        places = self.places(self.place.expand(len(x), T, D).flatten(0, 1)).unflatten(0, (-1, T))
        spikes = (steps > self.threshold).float().transpose(0, 1).flatten(0, 1)
        return (steps.transpose(0, 1) + places + self.dead(spikes).unflatten(0, (-1, T))).mean(1)


@pytest.mark.parametrize("threshold", [5.0, 1e3])
def test_rows_that_no_image_changes_are_in_their_own_order_not_in_that_of_most_layers(
    threshold: float,
) -> None:
    """`places` holds other rows if image c is left out; `dead` has spikes if the layers before it are
    stirred.
    """
    torch.manual_seed(0)
    images = torch.rand(8, D, generator=torch.Generator().manual_seed(0))
    chip = to_crossbar(Orders(threshold), ChipCard.load("default"), chips=2, calibration=images)
    chip.program()
    (found,) = chip.mapped.found.values()
    orders = {name: (one.outer, one.inner) for name, (one,) in found.layouts.items() if one is not None}
    assert orders == {"first": (T, 1), "second": (T, 1), "places": (1, T), "dead": (1, T)}


class Both(Orders):
    """Layers in both orders, and one whose rows are all 0."""

    def forward(self, x: Tensor) -> Tensor:
        steps = self.first(x.expand(T, *x.shape).flatten(0, 1)).unflatten(0, (T, -1)).transpose(0, 1)
        steps = self.second(steps.flatten(0, 1)).unflatten(0, (-1, T))
        return (steps + self.dead((0 * steps).flatten(0, 1)).unflatten(0, (-1, T))).mean(1)


def test_an_order_that_others_contradict_is_refused() -> None:
    images = torch.rand(8, D)
    with pytest.raises(ValueError, match="dead: its input is the same for all images"):
        to_crossbar(Both(1.0), ChipCard.load("default"), calibration=images)


class Narrow(Orders):
    """A network that takes no numbers beyond those of images, and also returns its spikes, none, as bool."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        steps = self.first(x.expand(T, *x.shape).flatten(0, 1))
        if steps.abs().max() > 10:
            raise ArithmeticError("out of range")
        spikes = steps > self.threshold
        return self.second(steps).unflatten(0, (T, -1)).mean(0) + self.dead(spikes.to(x)).unflatten(
            0, (T, -1)
        ).mean(0), spikes


def test_a_network_that_refuses_random_numbers_is_probed_by_its_images() -> None:
    chip = to_crossbar(Narrow(1e3), ChipCard.load("default"), chips=2, calibration=torch.rand(8, D))
    chip.program()
    _, spikes = chip(torch.rand(5, D))
    assert spikes.dtype == torch.bool and not spikes.any()
    (found,) = chip.mapped.found.values()
    orders = {name: (one.outer, one.inner) for name, (one,) in found.layouts.items() if one is not None}
    assert orders == {"first": (T, 1), "second": (T, 1), "dead": (T, 1)}


class Counts(Orders):
    """Weights are looked up by the number of spikes of each row, as in attention by STDP windows."""

    def forward(self, x: Tensor) -> Tensor:
        spikes = (self.first(x.expand(T, *x.shape).flatten(0, 1)) > 0).float()
        steps = self.second(spikes)
        weight = torch.tensor([0.0, 0, 0, 1, 1, 1, 1])[spikes.sum(-1).long()]  # none have another count
        steps = (steps * weight[:, None]).unflatten(0, (T, -1)).transpose(0, 1)
        return self.dead((steps > self.threshold).float().flatten(0, 1)).unflatten(0, (-1, T)).mean(1)


def test_a_network_that_looks_up_counts_of_spikes_is_probed_with_spikes() -> None:
    """Images give two spikes a row at most, and weights of 0: only random spikes tell the order of `dead`."""
    torch.manual_seed(0)
    net = Counts(0.1)
    nn.init.constant_(net.first.bias[2:], -1e6)
    chip = to_crossbar(net, ChipCard.load("default"), chips=2, calibration=torch.randn(8, D))
    chip.program()
    (found,) = chip.mapped.found.values()
    assert [(one.outer, one.inner) for one in found.layouts["dead"] if one is not None] == [(1, T)]
