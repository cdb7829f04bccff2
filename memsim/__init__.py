"""memsim: any torch network, and STDP attention, on simulated memristor crossbars.

    import memsim

    chip = memsim.to_crossbar(net, "default", chips=8, seed=0, calibration=training_images)
    print(chip.mapping)                        # what is on arrays, what stays digital and why
    chip.program().advance_to(86400.0)         # seconds since programming
    logits = chip(images)                      # the network's outputs, with a leading axis of chips
    chip.ledger                                # events, energy [J]

Names are imported when they are first used, so that a card or a help text does not wait for torch.
"""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily
from memsim.devices.numerics.waiting import block_soon

if TYPE_CHECKING:
    from memsim import devices, models, studies
    from memsim.card.chip_card import ChipCard, built_in
    from memsim.chip import Chip
    from memsim.crossbar import to_crossbar
    from memsim.devices import CardError, stream
    from memsim.energy.ledger import Ledger
    from memsim.engines.aihwkit_network import from_aihwkit
    from memsim.mapping.report import MappingReport, NotMapped
    from memsim.prices.cost import Cost
    from memsim.prices.price import Price
    from memsim.prices.technology import Technology
    from memsim.studies.evaluation.compare import compare
    from memsim.wires.lines import Lines
    from memsim.wires.nodal import nodal_read, nodal_solution
    from memsim.wires.wired_array import WiredArray

__version__ = "0.1.0"

_MODULES = {
    "card.chip_card": ("ChipCard", "built_in"),
    "chip": ("Chip",),
    "crossbar": ("to_crossbar",),
    "devices": (),
    "devices.numerics.stream": ("stream",),
    "devices.toml_file": ("CardError",),
    "energy.ledger": ("Ledger",),
    "engines.aihwkit_network": ("from_aihwkit",),
    "mapping.report": ("MappingReport", "NotMapped"),
    "models": (),
    "prices.cost": ("Cost",),
    "prices.price": ("Price",),
    "prices.technology": ("Technology",),
    "studies": (),
    "studies.evaluation.compare": ("compare",),
    "wires.lines": ("Lines",),
    "wires.nodal": ("nodal_read", "nodal_solution"),
    "wires.wired_array": ("WiredArray",),
}

__all__ = [
    "CardError", "Chip", "ChipCard", "Cost", "Ledger", "Lines", "MappingReport", "NotMapped", "Price",
    "Technology", "WiredArray", "__version__", "built_in", "compare", "devices", "from_aihwkit", "models",
    "nodal_read", "nodal_solution", "stream", "studies", "to_crossbar",
]  # fmt: skip

block_soon()  # before torch is imported

__getattr__, __dir__ = lazily(__name__, _MODULES)
