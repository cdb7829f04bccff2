"""Recordings of event cameras: one structure, readers of file formats, frames, and sets made of pictures."""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.models.datasets.events.folder import from_folder
    from memsim.models.datasets.events.formats import event_format, event_formats, read
    from memsim.models.datasets.events.frames import Frames
    from memsim.models.datasets.events.pixel import Pixel
    from memsim.models.datasets.events.recording import Events
    from memsim.models.datasets.events.saccade import Saccade

_MODULES = {
    "folder": ("from_folder",),
    "formats": ("event_format", "event_formats", "read"),
    "frames": ("Frames",),
    "pixel": ("Pixel",),
    "recording": ("Events",),
    "saccade": ("Saccade",),
}

__all__ = ["Events", "Frames", "Pixel", "Saccade", "event_format", "event_formats", "from_folder", "read"]

__getattr__, __dir__ = lazily(__name__, _MODULES)
