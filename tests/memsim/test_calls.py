"""How many calls of Python functions a warm read takes: a bound on what surrounds the kernels."""

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import memsim
from memsim import models
from memsim.models.datasets.catalog import load

ROOMS = tuple(str(Path(memsim.__file__).parents[1] / room) for room in ("devices", "memsim", "models"))


def profile(work: Callable[[], object]) -> pstats.Stats:
    """Calls of a second run, when everything is compiled, drawn and probed."""
    work()
    profiler = cProfile.Profile()
    profiler.enable()
    work()
    profiler.disable()
    return pstats.Stats(profiler)


def own_calls(stats: pstats.Stats) -> int:
    """Calls of this package's Python functions (each entry of a generator is one); torch's, numba's and
    builtin functions are not counted.
    """
    calls = stats.stats.items()  # type: ignore[attr-defined]
    return sum(row[1] for (file, _, _), row in calls if str(Path(file)).startswith(ROOMS))


@pytest.fixture(scope="module")
def chip():
    net = models.load("s2tdpt-digits")
    return memsim.to_crossbar(net, "default", chips=2, seed=0).program()


@torch.no_grad()
def test_a_warm_read_of_the_network_takes_few_calls(chip):
    """Two images on two chips, everything counted: at most half of the 1,225 it once took."""
    images = load("digits").x_test[:2]
    calls = own_calls(profile(lambda: chip(images)))
    assert 100 < calls <= 612


@torch.no_grad()
@pytest.mark.parametrize(("off", "most"), [(("wires",), 270), ((), 310)])
def test_a_warm_attention_array_takes_few_calls(off, most):
    """Cell reram-om, the ledger closed; all calls, builtins included; lines take one more kernel."""
    card = memsim.ChipCard.load("default").without(*off)
    chip = memsim.to_crossbar(models.load("s2tdpt-digits"), card, chips=2, seed=0).program()
    array, seen = next(iter(chip.attention_arrays.values())), []
    handle = array.register_forward_pre_hook(lambda _, spikes: seen.append(spikes))
    chip(load("digits").x_test[:2])
    handle.remove()

    def write_and_read():
        chip.run.begin(2)
        array(*seen[0])

    with chip.ledger.closed():
        stats = profile(write_and_read)
    assert 50 < stats.total_calls <= most  # type: ignore[attr-defined]
