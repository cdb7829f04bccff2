"""Where a batch's images stand in a layer's input: tokens, time, frames, merged axes, calls in a loop."""

from __future__ import annotations

import torch
from torch import nn

from tests.zoo.entry import Inputs, Made, normals, pictures, zoo

ENTRIES, entry = zoo()
STEPS = 3


class Calls(nn.Module):
    """Layers and a function that calls them."""

    def __init__(self, call, **layers: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *args, **kwargs):
        return self.call(self, *args, **kwargs)


def two(**more: nn.Module) -> dict[str, nn.Module]:
    """Two linear layers, 6 -> 8 -> 4."""
    return {"a": nn.Linear(6, 8), "b": nn.Linear(8, 4), **more}


@entry()
def tokens() -> Made:
    return Made(nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 4)), normals(5, 6), arrays=2)


def _tokens_then_mean(m, x):
    return m.b(m.a(x).relu().mean(1))


@entry()
def more_tokens_than_images() -> Made:
    return Made(Calls(_tokens_then_mean, **two()), normals(64, 6), arrays=2)


def _time_merged(m, x):
    steps = x.transpose(0, 1)  # (T, B, F)
    merged = m.b(m.a(steps.flatten(0, 1)).relu())
    return merged.unflatten(0, steps.shape[:2]).mean(0)


@entry()
def time_merged_before_batch() -> Made:
    return Made(Calls(_time_merged, **two()), normals(STEPS, 6), arrays=2)


def _frames(m, x):
    maps = m.conv(x.flatten(0, 1)).relu()
    return m.head(maps.mean((2, 3)).unflatten(0, x.shape[:2]).mean(1))


@entry()
def frames_merged_after_batch() -> Made:
    net = Calls(_frames, conv=nn.Conv2d(1, 4, 3), head=nn.Linear(4, 3))
    return Made(net, pictures(STEPS, 1, 6, 6), arrays=2)


def _rare_spikes(m, x):
    spikes = (m.a(x.flatten(0, 1)) > 1.0).to(x.dtype)
    return m.b(spikes).unflatten(0, x.shape[:2]).mean(1)


@entry()
def rare_spikes_in_frames_merged_after_batch() -> Made:
    """Most rows of the second layer hold no spike, so that few show whose they are."""
    return Made(Calls(_rare_spikes, **two()), normals(STEPS, 6), arrays=2)


@entry()
def time_first() -> Made:
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
    return Made(net, lambda n: Inputs((torch.randn(STEPS, n, 6),)), {"batch_axis": 1}, axes=(1,), arrays=2)


def _time_first_then_mean(m, x):
    return m.b(m.a(x).relu().mean(0))


@entry()
def time_first_averaged() -> Made:
    net = Calls(_time_first_then_mean, **two())
    return Made(net, lambda n: Inputs((torch.randn(STEPS, n, 6),)), {"batch_axis": 1}, arrays=2)


def _time_first_inside(m, x):
    return m.b(m.a(x.transpose(0, 1)).relu()).mean(0)


@entry()
def time_first_inside() -> Made:
    return Made(Calls(_time_first_inside, **two()), normals(STEPS, 6), arrays=2)


def _channels_last(m, x):
    maps = m.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (B, h, w, C)
    return m.head(m.mix(maps).relu().flatten(1, 2)).amax(1)


@entry()
def channels_last_tokens() -> Made:
    net = Calls(_channels_last, conv=nn.Conv2d(2, 4, 3), mix=nn.Linear(4, 8), head=nn.Linear(8, 3))
    return Made(net, pictures(6, 6, 2), arrays=3)


def _loop(m, x):
    total = 0
    for step in x.unbind(1):
        total = total + m.b(m.a(step).relu())
    return total


@entry()
def time_loop() -> Made:
    return Made(Calls(_loop, **two()), normals(STEPS, 6), arrays=2)


def _silent_end(m, x):
    steps = [*x.unbind(1), torch.zeros_like(x[:, 0])]
    return m.b(torch.stack([m.a(step) for step in steps], 1).sum(1).relu())


@entry()
def time_loop_with_a_silent_last_step() -> Made:
    return Made(Calls(_silent_end, **two()), normals(STEPS, 6), arrays=2)


def _numbers_then_spikes(m, x):
    return m.b(m.a(x) + m.a((x > 0).to(x.dtype)))


@entry()
def numbers_then_spikes() -> Made:
    return Made(Calls(_numbers_then_spikes, **two()), normals(6), arrays=2)


def _ragged_calls(m, x):
    return m.b(m.a(x).relu().mean(1) + m.a(x[:, :2]).relu().sum(1) + m.a(x[:, 0]))


@entry()
def calls_of_different_lengths() -> Made:
    return Made(Calls(_ragged_calls, **two()), normals(5, 6), arrays=2)


def _windows(m, x):
    """Windows of a picture as Swin cuts them: (B w, N, C)."""
    parts = x.unfold(2, 3, 3).unfold(3, 3, 3).permute(0, 2, 3, 4, 5, 1)  # (B, 2, 2, 3, 3, C)
    mixed = m.a(parts.flatten(0, 2).flatten(1, 2)).relu()  # (B 4, 9, C)
    return m.b(mixed.unflatten(0, (len(x), 4)).mean((1, 2)))


@entry()
def windows() -> Made:
    return Made(Calls(_windows, **two()), pictures(6, 6, 6), arrays=2)


@entry()
def spatial_positions_as_rows() -> Made:
    """Every pixel's channels are a row of a two-axis input: (B h w, C)."""

    def call(m, x):
        rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        return m.b(m.a(rows).relu()).reshape(len(x), -1, 4).mean(1)

    return Made(Calls(call, **two()), pictures(6, 3, 3), arrays=2)


def _two_inputs(m, x, y):
    return m.b((m.a(x) + m.c(y)).relu())


@entry()
def two_inputs() -> Made:
    net = Calls(_two_inputs, **two(c=nn.Linear(3, 8)))
    return Made(net, lambda n: Inputs((torch.randn(n, 6), torch.randn(n, 3))), arrays=3)


@entry()
def keyword_call() -> Made:
    net = Calls(lambda m, x, *, y: _two_inputs(m, x, y), **two(c=nn.Linear(3, 8)))
    return Made(net, lambda n: Inputs((torch.randn(n, 6),), {"y": torch.randn(n, 3)}), arrays=3)


@entry()
def tuple_output() -> Made:
    net = Calls(lambda m, x: (m.b(m.a(x).relu()), m.a(x)), **two())
    return Made(net, normals(6), axes=(0, 0), arrays=2)


@entry()
def dict_input_and_output() -> Made:
    net = Calls(lambda m, x: {"out": m.b(m.a(x["x"]).relu()), "scale": x["scale"]}, **two())
    draw = lambda n: Inputs(({"x": torch.randn(n, 6), "scale": torch.rand(n)},))  # noqa: E731
    return Made(net, draw, axes=(0, 0), arrays=2)
