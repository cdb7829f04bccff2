"""The zoo: every network and input layout that must run rightly on crossbars."""

from tests.zoo import (
    dense_networks,
    layout_networks,
    sequence_networks,
    shared_networks,
    spiking_networks,
    vision_networks,
)
from tests.zoo.entry import Entry

ENTRIES: list[Entry] = [
    *dense_networks.ENTRIES,
    *sequence_networks.ENTRIES,
    *layout_networks.ENTRIES,
    *shared_networks.ENTRIES,
    *spiking_networks.ENTRIES,
    *vision_networks.ENTRIES,
]


def entry(name: str) -> Entry:
    """The entry of a name."""
    return next(one for one in ENTRIES if one.name == name)
