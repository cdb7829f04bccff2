"""memsim: learned weights and STDP attention on simulated memristor crossbars.

card = memsim.ChipCard.load("default")
chip = memsim.to_crossbar(net, card, chips=8, seed=0)
chip.program(); chip.advance_to(86400.0); logits = chip(x)      # (chips, images, classes)
chip.ledger                                                     # events, energy [J]
"""

from devices import CardError, stream
from memsim.card import ChipCard, built_in
from memsim.crossbar import Chip, to_crossbar
from memsim.energy.cost import Cost
from memsim.energy.ledger import Ledger
from memsim.energy.price import Price
from memsim.energy.technology import Technology

__all__ = [
    "CardError",
    "Chip",
    "ChipCard",
    "Cost",
    "Ledger",
    "Price",
    "Technology",
    "built_in",
    "stream",
    "to_crossbar",
]
