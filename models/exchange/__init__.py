"""Networks and weights from and to other libraries: SpikingJelly, snnTorch, Norse, NIR, NeuroBench."""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.models.exchange.library import from_library
    from memsim.models.exchange.neurons import neuron_of
    from memsim.models.exchange.nir_export import to_nir
    from memsim.models.exchange.nir_import import from_nir
    from memsim.models.exchange.repository import from_repository

_MODULES = {
    "library": ("from_library",),
    "neurons": ("neuron_of",),
    "nir_export": ("to_nir",),
    "nir_import": ("from_nir",),
    "repository": ("from_repository",),
}

__all__ = ["from_library", "from_nir", "from_repository", "neuron_of", "to_nir"]

__getattr__, __dir__ = lazily(__name__, _MODULES)
