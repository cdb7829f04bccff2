"""The suite of equals: every kernel of every operation gives what its torch form gives."""

import importlib
import pkgutil

import pytest
import torch

import memsim
from memsim.devices import stream
from memsim.devices.numerics.operation import operations, plain
from tests.devices.pulsed_cells import EVERY, cell_of
from tests.operation_examples import EXAMPLES


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def test_every_operation_has_examples():
    for module in pkgutil.walk_packages(memsim.__path__, "memsim."):
        if not module.name.startswith(("memsim.studies", "memsim.models.standalone")):
            try:
                importlib.import_module(module.name)
            except ImportError as error:  # what an extra brings, and only that
                assert "pip install" in str(error), module.name
    assert sorted(EXAMPLES) == [operation.name for operation in operations()]


@pytest.mark.parametrize("name", EXAMPLES)
def test_kernels_give_what_the_torch_form_gives(name, monkeypatch):
    (operation,) = (o for o in operations() if o.name == name)
    meaning, calls = operation.meaning, []
    monkeypatch.setattr(operation, "meaning", lambda *a, **k: (calls.append(name), meaning(*a, **k))[1])
    for example in EXAMPLES[name]():
        by_kernel = as_tuple(example.call())
        assert not calls, "the kernel was not taken"
        with plain():
            expected = as_tuple(example.call())
        assert calls, "this example does not reach the operation"
        calls.clear()
        for found, wanted in zip(by_kernel, expected, strict=True):
            assert found.dtype == wanted.dtype and found.shape == wanted.shape
            torch.testing.assert_close(found, wanted, atol=example.atol, rtol=example.rtol)


def test_streams_reach_any_device():
    """The meta device has shapes only, so that no kernel of the CPU can have had a part in it."""
    rng = stream(0, range(2))
    for draw in (rng.normal, rng.uniform):
        for dtype in (torch.float32, torch.float64):
            drawn = draw((3, 5), step=range(4), first=100, dtype=dtype, device="meta")
            assert (drawn.device.type, drawn.dtype, drawn.shape) == ("meta", dtype, (2, 4, 3, 5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_bits_of_the_torch_form():
    for cell in map(cell_of, EVERY):
        rng = stream(0, range(2))
        fabric = cell.fabricate((20, 33), rng=rng.child("spread"))
        pulses = torch.full((2, 1, 3, 20, 33), cell.n_max // 2 + 0.5)
        how = {"rng": rng.child("noise"), "image": None, "step": range(3)}
        with plain():
            expected = cell.rewrite(fabric, pulses, **how)
        found = cell.rewrite(fabric.to("cuda"), pulses.to("cuda"), **how)
        assert found.device.type == "cuda" and torch.equal(found.cpu(), expected), cell.name
