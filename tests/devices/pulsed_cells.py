"""The pulsed cells under test: every preset, and one cell of every aihwkit device class."""

from aihwkit.simulator.configs.devices import (
    ConstantStepDevice,
    ExpStepDevice,
    LinearStepDevice,
    PiecewiseStepDevice,
    PowStepDevice,
    SoftBoundsDevice,
    SoftBoundsPmaxDevice,
    SoftBoundsReferenceDevice,
)

from memsim import devices
from memsim.devices.pulses.bridge import TiledCell, pulsed_cell
from memsim.devices.pulses.neurosim import NeuroSimCell

_STEP = {"dw_min": 0.01, "reset_std": 0.05}

#: aihwkit devices of 120 states (Pmax: 100), so that 64 pulses cross most of the range
CLASSES = {
    "constant": ConstantStepDevice(**_STEP),
    "linear": LinearStepDevice(gamma_up=0.4, gamma_down=0.7, **_STEP),
    "linear-additive": LinearStepDevice(
        gamma_up=0.4, gamma_down=0.7, mult_noise=False, mean_bound_reference=False, dw_min_std=1.0, **_STEP
    ),
    "soft-bounds": SoftBoundsDevice(write_noise_std=2.0, **_STEP),
    "soft-bounds-additive": SoftBoundsDevice(mult_noise=False, dw_min_std=2.0, **_STEP),
    "reference": SoftBoundsReferenceDevice(
        mult_noise=True, subtract_symmetry_point=True, reference_std=0.05, dw_min_std=0.6, up_down=0.2,
        **_STEP
    ),
    "pmax": SoftBoundsPmaxDevice(p_max=100, alpha=0.02, range_min=-0.6, range_max=0.6, reset_std=0.05),
    "exponential": ExpStepDevice(**_STEP),
    "exponential-complex": ExpStepDevice(
        dw_min_std_add=0.02, dw_min_std_slope=0.1, write_noise_std=1.0, **_STEP
    ),
    "power": PowStepDevice(pow_gamma=1.7, pow_up_down=0.3, pow_up_down_dtod=0.1, **_STEP),
    "piecewise": PiecewiseStepDevice(piecewise_up=[1.6, 1.0, 0.4], piecewise_down=[0.2, 0.8, 1.4], **_STEP),
}  # fmt: skip


def cell_of(name):
    """The preset, or the cell of the class, called `name`."""
    if name in CLASSES:
        return pulsed_cell(CLASSES[name], name=name, technology="test", source="aihwkit", n_max=64)
    return devices.get(name)


PRESETS = [name for name in devices.names() if devices.get(name).describe().kind == "pulsed"]
TILED = [name for name in PRESETS if isinstance(devices.get(name), TiledCell)]
NEUROSIM = [name for name in PRESETS if isinstance(devices.get(name), NeuroSimCell)]
EVERY = [*PRESETS, *CLASSES]


def without(cell, *effects):
    """The cell without those of the effects that it has."""
    return cell.without(*(set(effects) & set(cell.effects)))
