"""From one technology node to another: the energy of logic by Stillmaker & Baas (Integration 58, 74, 2017).

    E(node, V) ~ a V^2 + b V + c

Between two of their nodes the logarithm of E goes straight with that of the node, an assumption (22 nm).
"""

from __future__ import annotations

import math
from typing import NamedTuple

POLYNOMIALS = {
    130e-9: (7.171, -6.709, 2.904),
    90e-9: (4.762, -4.781, 2.092),
    65e-9: (3.755, -4.398, 1.975),
    45e-9: (1.103, -0.362, 0.2767),
    32e-9: (0.9559, -0.7823, 0.471),
    20e-9: (0.373, -0.1582, 0.04104),
    16e-9: (0.2958, -0.1241, 0.03024),
    14e-9: (0.2363, -0.09675, 0.02239),
    10e-9: (0.2068, -0.09311, 0.02375),
    7e-9: (0.1776, -0.09097, 0.02447),
}
"""Node [m] -> a, b, c, as their authors and accelergy's scaling.py have them."""

NODES = {
    130e-9: 1.2,
    90e-9: 1.1,
    65e-9: 1.0,
    45e-9: 0.9,
    40e-9: 0.9,
    32e-9: 0.9,
    22e-9: 0.8,
    14e-9: 0.8,
    7e-9: 0.7,
}
"""Node [m] -> supply of its logic [V], as the technology cards have it; at 90, 40 and 7 nm an assumption."""


class Scale(NamedTuple):
    """What energies and areas are multiplied by from one node to another, and the words for it."""

    energy: float
    area: float
    said: str


def relative_energy(node: float, supply: float) -> float:
    """Return the energy of a gate at a node [m] and a supply [V], in the unit of the polynomials; ValueError
    for a node below 7 or above 130 nm.
    """
    if not min(POLYNOMIALS) <= node <= max(POLYNOMIALS):
        raise ValueError(f"node = {node:g} m: energies scale between 7e-9 and 130e-9 m; is it in metres?")
    above = min(n for n in POLYNOMIALS if n >= node * (1 - 1e-9))
    below = max(n for n in POLYNOMIALS if n <= node * (1 + 1e-9))
    upper, lower = (a * supply**2 + b * supply + c for a, b, c in (POLYNOMIALS[above], POLYNOMIALS[below]))
    share = math.log(node / below) / math.log(above / below) if above > below else 0.0
    return math.exp((1 - share) * math.log(lower) + share * math.log(upper))


def node_of(name: str) -> float:
    """Return a node [m] by its name, ``"32nm"``."""
    return float(name.removesuffix("nm")) / 1e9


def named(node: float) -> str:
    """Return the name of a node [m]."""
    return f"{1e9 * node:g}nm"


def usual_supply(node: float) -> float:
    """Return the supply of logic [V] at a node [m]: that of the nearest one whose supply is known."""
    return NODES[min(NODES, key=lambda known: abs(math.log(known / node)))]


def scale(node: float, supply: float, to_node: float, to_supply: float) -> Scale:
    """Return what becomes of energies and areas from one node [m] and supply [V] to another."""
    factor = relative_energy(to_node, to_supply) / relative_energy(node, supply)
    said = f"{1e9 * node:g} to {1e9 * to_node:g} nm: energy × {factor:.3g} (Stillmaker & Baas 2017)"
    return Scale(factor, (to_node / node) ** 2, said)
