"""Networks: neurons, STDP attention and its relatives, S2TDPT, checkpoints, data sets, training."""

from models import data as datasets
from models.attention import STDPAttention
from models.augment import Augmentation
from models.catalog import build, configure, names
from models.checkpoint import load, save
from models.config import S2TDPTConfig
from models.dataset import Dataset
from models.exchange import AttentionStatistics, attention_statistics, exchange_attention
from models.neurons import LIF
from models.s2tdpt import S2TDPT
from models.stdp import Window, stdp_attention
from models.train import Recipe, train
from models.worth import worth_of_attention

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
