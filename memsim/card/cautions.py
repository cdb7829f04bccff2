"""What to know of a chip card's cells before trusting a result: ideal parts, temperatures that they do not
feel, resets without room, ideal converters of verifying reads.
"""

from __future__ import annotations

from torch import Tensor

from memsim.card.cells import effects_of
from memsim.card.chip_card import ChipCard
from memsim.card.fields import CardFields
from memsim.card.sections import Device
from memsim.devices.device_card import DeviceCard

ADC_ERRORS = ("offset", "gain", "inl", "capacitor_mismatch", "curvature")
ROOM = 0.1  #: a direction that moves a cell less than this share of the other has no room


def cautions(card: ChipCard, *, attention: bool = True) -> list[str]:
    """Return sentences about the cells of a card; attention: whether there are attention arrays."""
    out = []
    for name, section in (("weights", card.weights), ("attention", card.attention)):
        if isinstance(section.cell, DeviceCard) and (attention or name == "weights"):
            if parts := section.cell.ideal_parts:
                out.append(f"{name}: the card of {section.cell} gives no {', '.join(parts)}: taken as ideal")
    out += _temperature(card, attention)
    if attention and not card.design.attention_cell.exact:
        out += filter(None, [_no_room(card), _verifying(card)])
    return out


def _temperature(card: ChipCard, attention: bool) -> list[str]:
    """Say on what a temperature of the card's own does not act."""
    if card.temperature == CardFields.model_fields["temperature"].default:
        return []
    used: list[Device] = [card.weights.cell, *([card.attention.cell] if attention else [])]
    cells = list(dict.fromkeys(used))
    hot = [str(cell) for cell in cells if card.on("temperature") and "temperature" in effects_of(cell)]
    deaf = [str(cell) for cell in cells if str(cell) not in hot]
    feels = [*(["thermal noise"] if not card.ideal and card.on("thermal-noise") else []), *hot]
    off = "without activation energies" if card.on("temperature") else "whose effect temperature is off"
    why = f"; {', '.join(deaf)} {off}, and converters, do not feel it" if deaf else ""
    on = " and ".join(feels) or "nothing"
    return [f"temperature [K] = {card.temperature:g} acts on {on}{why or '; converters do not feel it'}"]


def _verifying(card: ChipCard) -> str:
    """Say that converters of verifying reads round and do nothing else, where the card's have errors."""
    section = card.attention
    errors = [name for name in ADC_ERRORS if getattr(section.adc, name)]
    if not errors or not (section.verify_rounds or section.reset == "verified"):
        return ""
    return (
        "attention: reads that verify a write have the noise and the lines of a read and a converter that"
        f" rounds, without its {', '.join(errors)}"
    )


def _no_room(card: ChipCard) -> str:
    cell = card.design.unworn_cell
    room, side = room_of(cell.response(card.full_write))
    if room >= ROOM:
        return ""
    return (
        f"attention: from the reset of {cell.name} {card.full_write} pulses {side} move it by"
        f" {100 * room:.2g} % of what as many the other way do: the reset leaves no room; {REMEDY}"
    )


REMEDY = (
    'take [attention] reset = "pulses" (to where both are equal), or, in a device card, a reset [S] near the'
    " middle of its range"
)


def room_of(response: Tensor) -> tuple[float, str]:
    """Return how far pulses of the weaker direction move a cell, as a share of the other [1], and which it
    is.

    response: mean states after -n .. n pulses (2 n + 1,).
    """
    rest = response[len(response) // 2]
    up, down = float(response[-1] - rest), float(rest - response[0])
    least, most, side = (down, up, "down") if down <= up else (up, down, "up")
    return (max(least, 0.0) / most if most > 0 else 0.0), side
