"""A step of training, fast and as the reference, against the same network with SpikingJelly's neurons."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from memsim import models
from memsim.freed_memory import keep_freed_memory
from memsim.models.networks.row_pass import row_pass
from memsim.models.parts.neurons import LIF

NETWORK, BATCH = "s2tdpt-2-128", 64


def training(threads: int = 1, repeats: int = 5) -> dict[str, Any]:
    """Forward, loss, backward and AdamW of one batch of random pictures, T = 4: bf16 with norms and neurons
    fused, the same pass in fp32, the network as it is in fp32, and that with SpikingJelly's LIFNode.

    ``ratio`` is SpikingJelly's time over that of bf16, ``ratio_fp32`` today's.  Times are
    seconds on the processor (all threads), the least of ``repeats`` in turn: what else runs hardly counts.
    Freed memory stays with the process, for every side alike.
    ``loss`` shows that they compute the same: an untrained network's spikes turn on roundings, no more.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    torch.manual_seed(0)
    net = models.build(NETWORK).train()
    steps = net.config.steps  # type: ignore[union-attr]
    images, labels = (
        torch.rand(BATCH, *net.config.in_shape),
        torch.randint(0, net.config.num_classes, (BATCH,)),
    )
    other, reset = _with_spikingjelly(net)
    losses: dict[str, float] = {}

    def step(
        name: str, trained: nn.Module, logits: Callable[[nn.Module], torch.Tensor]
    ) -> Callable[[], None]:
        trained = copy.deepcopy(trained)
        optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-6)

        def one() -> None:
            optimizer.zero_grad()
            loss = F.cross_entropy(logits(trained), labels)
            loss.backward()
            optimizer.step()
            reset(trained)
            losses.setdefault(name, float(loss.detach()))

        return one

    seconds = least(
        {
            "bf16": step("bf16", net, lambda n: row_pass(n, images, steps=steps)),  # type: ignore[arg-type]
            "fused": step("fused", net, lambda n: row_pass(n, images, steps=steps, kind=torch.float32)),  # type: ignore[arg-type]
            "fp32": step("fp32", net, lambda n: n(images)),
            "other": step("other", other, lambda n: n(images)),
        },
        repeats,
    )
    return {
        "ratio": seconds["other"] / seconds["bf16"],
        "ratio_fp32": seconds["fp32"] / seconds["bf16"],
        "ratio_fused": seconds["fp32"] / seconds["fused"],
        **{f"{name} [s]": value for name, value in seconds.items()},
        "other": "the same network with SpikingJelly's LIFNode, fp32",
        "network": f"{NETWORK}, T = {steps}, batch {BATCH}",
        "loss": losses,
        "threads": threads,
    }


def least(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the least seconds on the processor of a call of each side, in turn, after a warm-up."""
    for call in sides.values():
        call()
    found = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, call in sides.items():
            begun = time.process_time()
            call()
            found[name] = min(found[name], time.process_time() - begun)
    return found


def _with_spikingjelly(net: nn.Module) -> tuple[nn.Module, Callable[[nn.Module], None]]:
    """Copy the network with every LIF exchanged; and what resets its neurons after a batch."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    other = copy.deepcopy(net)
    for module in list(other.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LIF):
                node = neuron.LIFNode(
                    tau=child.tau, decay_input=child.decay_input, v_threshold=child.v_threshold,
                    v_reset=child.v_reset, surrogate_function=surrogate.Sigmoid(alpha=child.alpha),
                    detach_reset=child.detach_reset, step_mode="m",
                )  # fmt: skip
                setattr(module, name, node)
    return other, functional.reset_net
