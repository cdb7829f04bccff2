"""What an S2TDPT network would do for an image at one spike rate everywhere: counts from its shape alone."""

from __future__ import annotations

from collections.abc import Iterator

from memsim.energy.work import Attention, Matrix, Neurons, Other, Work
from memsim.models.networks.network import NetworkConfig
from memsim.models.networks.s2tdpt_config import S2TDPTConfig


def works(config: NetworkConfig, rate: float) -> list[Work]:
    """The counts `memsim.energy.work.DigitalWork` would find in a run whose spike rates were all `rate`.

    Names as in the network. ValueError for another network than S2TDPT, or a rate outside [0, 1].
    """
    if not isinstance(config, S2TDPTConfig):
        raise ValueError(f"counts from a shape alone exist for S2TDPT, not for {type(config).__name__}")
    if not 0 <= rate <= 1:
        raise ValueError(f"rate = {rate}: a spike rate lies between 0 and 1")
    blocks = [work for layer in range(config.layers) for work in _block(config, layer, rate)]
    tokens = config.steps * config.tokens * config.dim
    return [
        *_patches(config, rate),
        *blocks,
        Other(name="mean", event="digital-add", number=tokens),
        _linear("head", config.dim, config.num_classes, 1, 1, 1.0, spikes=False),
    ]


def _patches(config: S2TDPTConfig, rate: float) -> Iterator[Work]:
    channels, height, width = config.in_shape
    yield _convolution("patches.encoder", channels, config.widths[0], height, width, 1, 1.0, spikes=False)
    odd = config.pool_kernel - 2
    for index in range(1, len(config.widths)):
        name, before, after = f"patches.stages.{index - 1}", config.widths[index - 1], config.widths[index]
        yield _neurons(f"{name}.lif", before * height * width, config, rate)
        if config.pools[index]:
            height, width = (height + odd) // 2, (width + odd) // 2
            compares = config.steps * before * height * width * (config.pool_kernel**2 - 1)
            yield Other(name=f"{name}.pool", event="digital-compare", number=compares)
        yield _convolution(f"{name}.conv", before, after, height, width, config.steps, rate)


def _block(config: S2TDPTConfig, layer: int, rate: float) -> Iterator[Work]:
    steps, tokens, dim, hidden = config.steps, config.tokens, config.dim, config.dim * config.mlp_ratio
    sizes, name = (tokens, steps, rate), f"blocks.{layer}"
    values = tokens * dim
    attention = f"{name}.attention"
    yield _neurons(f"{attention}.lif", values, config, rate)
    for part in "qkv":
        yield _linear(f"{attention}.{part}.linear", dim, dim, *sizes)
        yield _neurons(f"{attention}.{part}_lif", values, config, rate)
    spikes = rate * steps * values
    yield Attention(
        name=f"{attention}.core", steps=steps, heads=config.heads, tokens=tokens, width=config.head_dim,
        q=spikes, k=spikes, v=spikes,
    )  # fmt: skip
    yield _neurons(f"{attention}.core_lif", values, config, rate)
    yield _linear(f"{attention}.proj.linear", dim, dim, *sizes)
    yield Other(name=f"{name}.add1", event="digital-add", number=steps * values)
    for index, (d_in, d_out) in enumerate(((dim, hidden), (hidden, dim)), 1):
        yield _neurons(f"{name}.mlp.lif{index}", tokens * d_in, config, rate)
        yield _linear(f"{name}.mlp.fc{index}.linear", d_in, d_out, *sizes)
    yield Other(name=f"{name}.add2", event="digital-add", number=steps * values)


def _neurons(name: str, number: int, config: S2TDPTConfig, rate: float) -> Neurons:
    return Neurons(name=name, number=number, steps=config.steps, spikes=rate * number * config.steps)


def _linear(
    name: str, d_in: int, d_out: int, tokens: int, steps: int, rate: float, spikes: bool = True
) -> Matrix:
    ones = rate * tokens * steps * d_in
    return Matrix(
        name=name, rows=d_in, columns=d_out, positions=tokens, passes=steps, inputs=tokens * d_in,
        spikes=spikes, ones=ones, drives=ones, inside=tokens * steps * d_in,
    )  # fmt: skip


def _convolution(
    name: str, c_in: int, c_out: int, height: int, width: int, steps: int, rate: float, spikes: bool = True
) -> Matrix:
    """A convolution of 3 x 3 with a border of one; at the edge fewer of its taps see a pixel."""
    seen = (3 * height - 2) * (3 * width - 2) * c_in
    inputs = c_in * height * width
    return Matrix(
        name=name, rows=9 * c_in, columns=c_out, positions=height * width, passes=steps, inputs=inputs,
        taps=9, spikes=spikes, ones=rate * inputs * steps, drives=rate * seen * steps,
        inside=seen * steps,
    )  # fmt: skip
