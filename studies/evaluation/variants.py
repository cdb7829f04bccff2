"""A network with one thing about its attention changed, by name: what the attention study compares."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from memsim import models
from memsim.models import AttentionStatistics, Network, Window
from memsim.models.networks.network import attention_layers
from memsim.models.parts.attention import Form, STDPAttention
from memsim.models.registry import relative, tuned
from memsim.studies.evaluation.physical_window import physical_window
from memsim.studies.evaluation.subject import Subject, file_digest

STATISTICS = 1024
"""Training images from which the mean attention weight comes that a relative is matched to."""


def variant(model: str, change: Mapping[str, Any], data: str = "data") -> Network:
    """Return the network `model` with a change; ValueError for one that is not known.

    {}: as it was trained.  {"trained": kind}: its relative with that attention, trained the same way.
    {"tuned": cell}: tuned for attention written on that cell.
    {"exchanged": kind}: that attention in its place, matched to its mean on training images, nothing
    retrained.  {"window": {field: value}}: another STDP window, nothing retrained.  {"physics": name}:
    the window of an entry of `memsim.studies.evaluation.physical_window.PHYSICS`.  {"form": "histogram"}:
    the same sum, by levels.
    """
    net = models.load(model)
    for what, value in change.items():
        if what == "trained":
            net = models.load(relative(model, value))
        elif what == "tuned":
            net = models.load(tuned(model, value))
        elif what == "exchanged":
            net = models.exchange_attention(
                net, value, statistics=_statistics(model, file_digest(model), data)
            )
        elif what == "window":
            own = _window(net).model_dump()
            if "shape" in value:
                own["tabulated"] = None  # belongs to the shape that goes
            net = _each_core(net, window=Window(**{**own, **value}))
        elif what == "physics":
            net = _each_core(net, window=physical_window(value, _window(net)))
        elif what == "form":
            if value not in get_args(Form):
                raise ValueError(f"no form {value!r} of attention; there are {', '.join(get_args(Form))}")
            net = _each_core(net, form=value)
        else:
            known = "trained, tuned, exchanged, window, physics, form"
            raise ValueError(f"no change {what!r} of a network; there are {known}")
    return net


def _window(net: Network) -> Window:
    """Return the STDP window of the first layer; ValueError where its attention is another."""
    core = attention_layers(net)[0].core
    if not isinstance(core, STDPAttention):
        raise ValueError(f"a window can be changed for STDP attention only, not for {type(core).__name__}")
    return core.window


def _each_core(net: Network, **changes: Any) -> Network:
    net = copy.deepcopy(net)
    for layer in attention_layers(net):
        if not isinstance(layer.core, STDPAttention):
            raise ValueError(f"{', '.join(changes)} can be changed for STDP attention only")
        for name, value in changes.items():
            setattr(layer.core, name, value)
    return net


@lru_cache(maxsize=2)
def _statistics(model: str, _: str, data: str) -> AttentionStatistics:
    net = models.load(model)
    images = models.datasets.load(Subject.load(model).on(None), data).x_train[:STATISTICS]
    return models.attention_statistics(net, images)
