"""Attention, recurrent layers and embeddings."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from tests.zoo.entry import Entry, Inputs, Made, normals, zoo

ENTRIES, entry = zoo()


class Head(nn.Module):
    """A recurrent layer over (B, L, F) or (L, B, F), its output at every step put through a linear layer."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        features = (getattr(layer, "proj_size", 0) or layer.hidden_size) * (2 if layer.bidirectional else 1)
        self.head = nn.Linear(features, 4)

    def forward(self, x):
        return self.head(self.layer(x)[0])


class CellLoop(nn.Module):
    """A recurrent cell over the steps of (B, L, F), its last state put through a linear layer."""

    def __init__(self, cell: nn.RNNCellBase) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(cell.hidden_size, 4)

    def forward(self, x):
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state[0] if isinstance(state, tuple) else state)


class Attention(nn.Module):
    """Multi-head attention between queries and other keys and values, (B, N, E) -> (B, N, E)."""

    def __init__(self, *, batch_first: bool = True, **settings) -> None:
        super().__init__()
        kdim, vdim = settings.get("kdim") or 8, settings.get("vdim") or 8
        self.keys, self.values = nn.Linear(8, kdim), nn.Linear(8, vdim)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first, **settings)

    def forward(self, x):
        return self.attention(x, self.keys(x), self.values(x), need_weights=False)[0]


class SelfAttention(nn.Module):
    """Self-attention that also returns its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        mixed, weights = self.attention(x, x, x)
        return self.head(mixed.mean(1)), weights


@entry()
def self_attention() -> Made:
    return Made(SelfAttention(), normals(5, 8), axes=(0, 0))


@entry()
def cross_attention() -> Made:
    return Made(Attention(), normals(5, 8))


@entry()
def cross_attention_kdim_vdim_time_first() -> Made:
    net = Attention(batch_first=False, kdim=6, vdim=7, add_bias_kv=True, add_zero_attn=True)
    return Made(net, lambda n: Inputs((torch.randn(5, n, 8),)), {"batch_axis": 1}, axes=(1,))


@entry()
def masked_attention() -> Made:
    """A causal mask of the network's own, and a padding mask that comes with the images."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)
            self.register_buffer("causal", torch.triu(torch.ones(5, 5, dtype=torch.bool), 1))

        def forward(self, x, padding):
            mixed, _ = self.attention(x, x, x, key_padding_mask=padding, attn_mask=self.causal)
            return self.head(mixed)

    def draw(n: int) -> Inputs:
        return Inputs((torch.randn(n, 5, 8), torch.arange(5) > torch.randint(2, 5, (n, 1))))

    return Made(Masked(), draw)


@entry()
def transformer_encoder_batch_first() -> Made:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Linear(8, 3))
    return Made(net, normals(5, 8))


@entry()
def transformer_encoder_time_first() -> Made:
    layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, activation="gelu")
    net = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3))
    return Made(net, lambda n: Inputs((torch.randn(5, n, 8),)), {"batch_axis": 1}, axes=(1,))


@entry()
def transformer_with_decoder() -> Made:
    net = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    return Made(net, lambda n: Inputs((torch.randn(n, 5, 8), torch.randn(n, 4, 8))))


@entry()
def embedding_and_linear() -> Made:
    net = nn.Sequential(nn.Embedding(11, 6), nn.Flatten(), nn.Linear(24, 3))
    return Made(net, lambda n: Inputs((torch.randint(11, (n, 4)),)), digital=("0.weight",), arrays=1)


@entry()
def embedding_bag() -> Made:
    net = nn.Sequential(nn.EmbeddingBag(11, 6), nn.Linear(6, 3))
    return Made(net, lambda n: Inputs((torch.randint(11, (n, 4)),)), digital=("0.weight",), arrays=1)


@entry()
def root_lstm() -> Made:
    return Made(nn.LSTM(6, 5, batch_first=True), normals(4, 6), axes=(0, 1, 1))


RECURRENT = {
    "lstm": (nn.LSTM, {}),
    "lstm_two_layers_both_ways": (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    "lstm_projected": (nn.LSTM, {"proj_size": 4, "num_layers": 2}),
    "lstm_time_first": (nn.LSTM, {"batch_first": False}),
    "gru": (nn.GRU, {}),
    "gru_both_ways_without_bias": (nn.GRU, {"bidirectional": True, "bias": False}),
    "gru_time_first": (nn.GRU, {"batch_first": False, "num_layers": 2, "dropout": 0.2}),
    "rnn": (nn.RNN, {}),
    "rnn_relu_time_first": (nn.RNN, {"batch_first": False, "nonlinearity": "relu"}),
}
CELLS = {"lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell, "rnn_cell": nn.RNNCell}


def _recurrent(layer: type[nn.RNNBase], batch_first: bool = True, **settings) -> Made:
    net = Head(layer(6, 8, batch_first=batch_first, **settings))  # type: ignore[call-arg]
    if batch_first:
        return Made(net, normals(4, 6))
    return Made(net, lambda n: Inputs((torch.randn(4, n, 6),)), {"batch_axis": 1}, axes=(1,))


def _cell(cell: type[nn.RNNCellBase]) -> Made:
    return Made(CellLoop(cell(6, 8)), normals(4, 6))  # type: ignore[call-arg]


ENTRIES += [Entry(name, partial(_recurrent, layer, **kw)) for name, (layer, kw) in RECURRENT.items()]
ENTRIES += [Entry(name, partial(_cell, cell)) for name, cell in CELLS.items()]
