"""Networks: a registry of architectures, attention and neurons, checkpoints, data sets, training."""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.models import datasets
    from memsim.models.checkpoint import load, save
    from memsim.models.datasets.dataset import Dataset
    from memsim.models.networks.architecture import architecture
    from memsim.models.networks.network import Network, NetworkConfig
    from memsim.models.networks.s2tdpt import S2TDPT
    from memsim.models.networks.s2tdpt_config import S2TDPTConfig
    from memsim.models.networks.size import Size, size_of
    from memsim.models.parts.attention import STDPAttention
    from memsim.models.parts.neurons import LIF
    from memsim.models.parts.stdp import Window, stdp_attention
    from memsim.models.registry import build, configure, names
    from memsim.models.training.augment import Augmentation
    from memsim.models.training.exchange import AttentionStatistics, attention_statistics, exchange_attention
    from memsim.models.training.hardware_aware import harden
    from memsim.models.training.recipe import Recipe
    from memsim.models.training.record import dataset_of, is_own
    from memsim.models.training.train import train
    from memsim.models.training.worth import worth_of_attention

_MODULES = {
    "datasets": (),
    "checkpoint": (
        "load",
        "save",
    ),
    "datasets.dataset": ("Dataset",),
    "networks.architecture": ("architecture",),
    "networks.network": (
        "Network",
        "NetworkConfig",
    ),
    "networks.s2tdpt": ("S2TDPT",),
    "networks.s2tdpt_config": ("S2TDPTConfig",),
    "networks.size": (
        "Size",
        "size_of",
    ),
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
    "training.hardware_aware": ("harden",),
    "training.recipe": ("Recipe",),
    "training.record": (
        "dataset_of",
        "is_own",
    ),
    "training.train": ("train",),
    "training.worth": ("worth_of_attention",),
}

__all__ = [
    "LIF",
    "S2TDPT",
    "AttentionStatistics",
    "Augmentation",
    "Dataset",
    "Network",
    "NetworkConfig",
    "Recipe",
    "S2TDPTConfig",
    "STDPAttention",
    "Size",
    "Window",
    "architecture",
    "attention_statistics",
    "build",
    "configure",
    "dataset_of",
    "datasets",
    "exchange_attention",
    "harden",
    "is_own",
    "load",
    "names",
    "save",
    "size_of",
    "stdp_attention",
    "train",
    "worth_of_attention",
]

__getattr__, __dir__ = lazily(__name__, _MODULES)
