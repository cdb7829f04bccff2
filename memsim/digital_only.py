"""Modules whose products have no form on arrays, with the reason why."""

from typing import ClassVar

from torch import nn


class DigitalOnly(nn.Module):
    """A module that stays digital on a chip, with all that is in it: ``digital_because`` says why.

    Matrices inside of it are left where they are, and the mapping report gives its reason.
    """

    digital_because: ClassVar[str]


def digital_modules(net: nn.Module) -> dict[str, DigitalOnly]:
    """Return by name a network's modules that stay digital by their kind."""
    return {name: module for name, module in net.named_modules() if isinstance(module, DigitalOnly)}


def reason_of(name: str, found: dict[str, DigitalOnly]) -> str:
    """Return why the module `name` stays digital, because it is or lies in one of those found; "" if not."""
    inside = (one for path, one in found.items() if name == path or name.startswith(f"{path}."))
    return next((one.digital_because for one in inside), "")
