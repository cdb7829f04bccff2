"""memsim: learned weights and STDP attention on simulated memristor crossbars.

    import memsim
    from memsim import models

    chip = memsim.to_crossbar(models.load("s2tdpt-digits"), "default", chips=8, seed=0)
    chip.program().advance_to(86400.0)         # seconds since programming
    logits = chip(images)                      # (chips, images, classes)
    chip.ledger                                # events, energy [J]

Names are imported when they are first used, so that a card or a help text does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memsim import devices, models, studies
    from memsim.card.chip_card import ChipCard, built_in
    from memsim.crossbar import Chip, to_crossbar
    from memsim.devices import CardError, stream
    from memsim.energy.ledger import Ledger
    from memsim.prices.cost import Cost
    from memsim.prices.price import Price
    from memsim.prices.technology import Technology

__version__ = "0.1.0"

_HOME = {
    "CardError": "devices.toml_file",
    "Chip": "crossbar",
    "ChipCard": "card.chip_card",
    "Cost": "prices.cost",
    "Ledger": "energy.ledger",
    "Price": "prices.price",
    "Technology": "prices.technology",
    "built_in": "card.chip_card",
    "stream": "devices.numerics.stream",
    "to_crossbar": "crossbar",
}
"""Public name -> the module that defines it."""

__all__ = [
    "CardError", "Chip", "ChipCard", "Cost", "Ledger", "Price", "Technology", "__version__", "built_in",
    "devices", "models", "stream", "studies", "to_crossbar",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("devices", "models", "studies"):
        return import_module(f"memsim.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'memsim' has no attribute {name!r}")
    value = getattr(import_module(f"memsim.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
