"""Which form of an operation a call takes."""

import time

import pytest
import torch

from memsim.devices.numerics.operation import Operation, plain

CPU = torch.zeros(3)


def made() -> Operation[..., str]:
    def meaning(x: torch.Tensor, y: object = None) -> str:
        return "torch"

    operation = Operation(meaning)
    operation.kernel("cpu", torch.float32)(lambda x, y=None: "kernel")
    operation.kernel("cpu", torch.float64, gradient=True)(lambda x, y=None: "with gradient")
    return operation


def test_device_type_and_gradient_choose():
    operation = made()
    assert operation(CPU) == operation(CPU, 1.0) == "kernel"
    assert operation(CPU.double()) == operation(CPU.double().requires_grad_()) == "with gradient"
    assert operation(CPU.half()) == operation(CPU.to("meta")) == operation(CPU, CPU.to("meta")) == "torch"
    learning = CPU.clone().requires_grad_()
    assert operation(learning) == operation(CPU, learning) == "torch"
    with torch.no_grad():
        assert operation(learning) == "kernel"


def test_the_torch_form_is_there_for_the_asking():
    operation = made()
    with plain():
        assert operation(CPU) == "torch"
        with plain():
            pass
        assert operation(CPU) == "torch"
    assert operation(CPU) == "kernel"
    with pytest.raises(KeyError), plain():
        raise KeyError
    assert operation(CPU) == "kernel"


def test_one_kernel_for_each_device_and_type():
    operation = made()
    with pytest.raises(ValueError, match=r"has a kernel for cpu and torch\.float32 already"):
        operation.kernel("cpu", torch.float32)(lambda x: "another")
    assert set(operation.kernels) == {("cpu", torch.float32), ("cpu", torch.float64)}


def test_choosing_costs_little():
    """Less than a torch call of nothing, which takes about a microsecond."""
    operation, n = made(), 2000
    best = {}
    for name, call in (("operation", lambda: operation(CPU, 1.0)), ("torch", lambda: CPU.add(1.0))):
        rounds = []
        for _ in range(20):
            begin = time.perf_counter()
            for _ in range(n):
                call()
            rounds.append((time.perf_counter() - begin) / n)
        best[name] = min(rounds)
    assert best["operation"] < best["torch"]
