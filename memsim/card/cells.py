"""What a card says of its cells before any is built: their use and their effects.

Names are looked up in the table of cells, a device card says it itself: neither takes torch.
"""

from __future__ import annotations

from memsim.card.sections import AttentionSection, Device, WeightSection
from memsim.devices import registry

REFUSED = {"weight": "is no weight cell; weight cells", "pulsed": "cannot be pulsed; pulsed cells"}
"""Words for a cell that does not serve as such."""


def effects_of(cell: Device) -> tuple[str, ...]:
    """Return every effect of a cell. Raises ValueError for an unknown name."""
    return registry.preset(cell).effects if isinstance(cell, str) else cell.section.effects


def every_effect() -> set[str]:
    """Return the effects of all presets."""
    return {effect for preset in registry.PRESETS.values() for effect in preset.effects}


def check_use(section: str, cell: Device, use: registry.Use) -> None:
    """Raise ValueError unless the cell serves as weight or pulsed cell; `section` names it in the message."""
    kind = registry.preset(cell).kind if isinstance(cell, str) else "pulsed" if cell.pulsed else "weight"
    if use not in kind.split(", "):
        others = (name for name in registry.names() if registry.preset(name).serves_as(use))
        raise ValueError(f"{section}.cell = {str(cell)!r} {REFUSED[use]}: {', '.join(others)}")


def must_be_built(weights: WeightSection, attention: AttentionSection) -> bool:
    """Return whether the cells themselves must be built to check what the card sets.

    That is so for device cards and cells of others, for a range or read voltage that the source must have
    measured, for a reset or synapse that the cell must take, and for conductances and voltages of its pulses.
    Presets serve in all else as the table says.
    """
    usual = AttentionSection()
    return (
        any(
            not isinstance(cell, str) or cell not in registry.PRESETS
            for cell in (weights.cell, attention.cell)
        )
        or weights.g_max is not None
        or "iv-curve" in effects_of(weights.cell)
        or attention.reset != "once"
        or attention.devices_per_synapse > 1
        or attention.pulse_voltage is not None
        or (attention.g_mid, attention.g_unit, attention.pulse_time)
        != (usual.g_mid, usual.g_unit, usual.pulse_time)
    )
