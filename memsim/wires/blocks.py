r"""Elimination of whole arrays, for lines so resistive that sweeps converge slowly.

Unknowns in the order of the longer side: column after column of R nodes (R <= C, else the transposed
network).  A column's bit line is eliminated at once, B = T^-1 (G U + b), which leaves a matrix of R x R
blocks, tridiagonal with -g_word on the diagonals beside the main one::

    S_0 = D_0,   S_j = D_j - g_word^2 S_(j-1)^-1,   D_j = diag(W_j) - G_j T_j^-1 G_j

Every S is symmetric and positive definite; C factorizations of R x R matrices serve all inputs of an array.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memsim.wires.line_solve import solve_lines
from memsim.wires.lines import Network


def eliminate(of: Network, into_word: Tensor, into_bit: Tensor) -> tuple[Tensor, Tensor]:
    """Return the voltages U, B (N, R, C, M) [V] that currents (N, R, C, M) [A] into the nodes cause."""
    rows, columns = of.g.shape[1:]
    if math.isinf(of.word):
        u = _one_node_rows(of, into_word, into_bit)
    elif math.isinf(of.bit) or rows > columns:
        turned = (x.transpose(1, 2) for x in (into_bit, into_word))
        b, u = eliminate(of.transposed(), *turned)
        return u.transpose(1, 2), b.transpose(1, 2)
    else:
        u = _columns(of, into_word, into_bit)
    return u, _bit_lines(of, of.g[..., None] * u + into_bit)


def _bit_lines(of: Network, into: Tensor) -> Tensor:
    """Return voltages (N, R, C, M) of the bit lines into whose nodes currents flow."""
    ends = (of.top[:, None], of.bottom[:, None])
    g = of.g.transpose(1, 2)[:, None]  # (N, 1, C, R)
    return solve_lines(g, of.bit, *ends, into.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)


def _inverse(matrix: Tensor) -> Tensor:
    return torch.cholesky_inverse(torch.linalg.cholesky(matrix))


def _line_matrix(g: Tensor, segment: float, first: Tensor, last: Tensor) -> Tensor:
    """Return matrices (N, R, R) of bit lines with devices g (N, R) to ground."""
    rows = g.shape[1]
    beside = g.new_full((rows - 1,), -segment)
    matrix = torch.diag(beside, 1) + torch.diag(beside, -1)
    diagonal = g.clone()
    diagonal[:, 1:] += segment
    diagonal[:, :-1] += segment
    diagonal[:, 0] += first
    diagonal[:, -1] += last
    return matrix + torch.diag_embed(diagonal)


def _columns(of: Network, into_word: Tensor, into_bit: Tensor) -> Tensor:
    columns = of.g.shape[2]
    inverses: list[Tensor] = []
    y: list[Tensor] = []
    for j in range(columns):
        g = of.g[:, :, j]
        bits = g[:, :, None] * _inverse(_line_matrix(g, of.bit, of.top[:, j], of.bottom[:, j]))
        own = g + of.word * ((j > 0) + (j < columns - 1))
        own = own + (of.left if j == 0 else 0.0) + (of.right if j == columns - 1 else 0.0)
        block = torch.diag_embed(own) - bits * g[:, None, :]
        right = into_word[:, :, j] + bits @ into_bit[:, :, j]
        if j > 0:
            block = block - of.word**2 * inverses[-1]
            right = right + of.word * (inverses[-1] @ y[-1])
        inverses.append(_inverse(block))
        y.append(right)
    u = [inverses[-1] @ y[-1]]
    for j in range(columns - 2, -1, -1):
        u.append(inverses[j] @ (y[j] + of.word * u[-1]))
    return torch.stack(u[::-1], 2)


def _one_node_rows(of: Network, into_word: Tensor, into_bit: Tensor) -> Tensor:
    """Return rows of one node each: those with a driver are at 0 V, the others obey one R x R matrix."""
    floats = ((of.left + of.right) == 0)[..., None].to(of.g.dtype)
    matrix = torch.diag_embed(of.g.sum(-1))
    right = into_word.sum(2)
    for j in range(of.g.shape[2]):
        g = of.g[:, :, j]
        if not math.isinf(of.bit):
            bits = g[:, :, None] * _inverse(_line_matrix(g, of.bit, of.top[:, j], of.bottom[:, j]))
            matrix = matrix - bits * g[:, None, :]
            right = right + bits @ into_bit[:, :, j]
    matrix = matrix * floats * floats.transpose(1, 2) + torch.diag_embed(1.0 - floats[..., 0])
    u = torch.linalg.solve(matrix, right * floats)
    return u[:, :, None].expand_as(into_word)
