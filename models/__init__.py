"""Networks: neurons, STDP attention and its relatives, S2TDPT, checkpoints, data sets, training."""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.models import datasets
    from memsim.models.checkpoint import load, save
    from memsim.models.datasets.dataset import Dataset
    from memsim.models.networks.s2tdpt import S2TDPT
    from memsim.models.networks.s2tdpt_config import S2TDPTConfig
    from memsim.models.parts.attention import STDPAttention
    from memsim.models.parts.neurons import LIF
    from memsim.models.parts.stdp import Window, stdp_attention
    from memsim.models.registry import build, configure, names
    from memsim.models.training.augment import Augmentation
    from memsim.models.training.exchange import AttentionStatistics, attention_statistics, exchange_attention
    from memsim.models.training.train import Recipe, train
    from memsim.models.training.worth import worth_of_attention

_MODULES = {
    "datasets": (),
    "checkpoint": (
        "load",
        "save",
    ),
    "datasets.dataset": ("Dataset",),
    "networks.s2tdpt": ("S2TDPT",),
    "networks.s2tdpt_config": ("S2TDPTConfig",),
    "parts.attention": ("STDPAttention",),
    "parts.neurons": ("LIF",),
    "parts.stdp": (
        "Window",
        "stdp_attention",
    ),
    "registry": (
        "build",
        "configure",
        "names",
    ),
    "training.augment": ("Augmentation",),
    "training.exchange": (
        "AttentionStatistics",
        "attention_statistics",
        "exchange_attention",
    ),
    "training.train": (
        "Recipe",
        "train",
    ),
    "training.worth": ("worth_of_attention",),
}

__all__ = [
    "LIF",
    "S2TDPT",
    "AttentionStatistics",
    "Augmentation",
    "Dataset",
    "Recipe",
    "S2TDPTConfig",
    "STDPAttention",
    "Window",
    "attention_statistics",
    "build",
    "configure",
    "datasets",
    "exchange_attention",
    "load",
    "names",
    "save",
    "stdp_attention",
    "train",
    "worth_of_attention",
]

__getattr__, __dir__ = lazily(__name__, _MODULES)
