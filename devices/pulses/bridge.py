"""Pulsed devices of aihwkit: its devices become cells, its hidden parameters fabrics, its tiles are written.

aihwkit works in unitless w here. Its noise models are in :mod:`memsim.devices.weights.noise_models`.
"""

from collections import OrderedDict
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.configs.devices import (
    ConstantStepDevice,
    ExpStepDevice,
    LinearStepDevice,
    PiecewiseStepDevice,
    PowStepDevice,
    PulsedDevice,
    SoftBoundsDevice,
    SoftBoundsPmaxDevice,
    SoftBoundsReferenceDevice,
)
from aihwkit.simulator.parameters import IOParameters, UpdateParameters
from aihwkit.simulator.parameters.enums import PulseType
from aihwkit.simulator.tiles.analog import AnalogTile
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedCell
from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.exponential_pulses import ExponentialPulsesCell
from memsim.devices.pulses.exponential_step import ExponentialStepCell
from memsim.devices.pulses.piecewise_step import PiecewiseStepCell
from memsim.devices.pulses.population import Population
from memsim.devices.pulses.power_step import PowerStepCell
from memsim.devices.pulses.pulsed import KernelCell

#: cells that aihwkit has a tile for
TiledCell = AffineCell | ExponentialStepCell | ExponentialPulsesCell | PowerStepCell | PiecewiseStepCell

#: aihwkit fields no cell models, and the value at which they do nothing
_IDLE = {
    "corrupt_devices_prob": 0.0, "enforce_consistency": True, "perfect_bias": False,
    "allow_increasing": False, "slope_up_dtod": 0.0, "slope_down_dtod": 0.0, "reverse_up": False,
    "reverse_down": False,
}  # fmt: skip


def pulsed_cell(device: Any, *, name: str, technology: str, source: str, n_max: int) -> KernelCell:
    """Return the cell of an aihwkit device: the same numbers, the same law.

    lifetime and diffusion, which aihwkit applies once for each mini-batch and in no unit of time, are left
    out. Raises ValueError for a device class or an option that no cell models.
    """
    if not isinstance(device, PulsedDevice):
        hint = "; give its .device" if isinstance(getattr(device, "device", None), PulsedDevice) else ""
        raise ValueError(f"{name}: no cell has the law of {type(device).__name__}{hint}")
    for option, idle in _IDLE.items():
        if getattr(device, option, idle) != idle:
            raise ValueError(f"{name}: no cell models {option}={getattr(device, option)}")
    if device.drift.nu or device.drift.nu_dtod:
        raise ValueError(f"{name}: no cell models the drift of a pulsed device")
    common: dict[str, Any] = {"name": name, "technology": technology, "source": source, "n_max": n_max}
    if isinstance(device, SoftBoundsPmaxDevice):
        device = _soft_bounds_of(device)
    common["population"] = _same_fields(Population, device)
    if isinstance(device, ConstantStepDevice):
        return _same_fields(AffineCell, device, gamma_up=0.0, gamma_down=0.0, mult_noise=False, **common)
    if isinstance(device, (LinearStepDevice, SoftBoundsDevice, SoftBoundsReferenceDevice)):
        return _same_fields(AffineCell, device, **common)
    if isinstance(device, ExpStepDevice):
        if device.dw_min_std_add == device.dw_min_std_slope == 0.0:
            return _same_fields(ExponentialStepCell, device, **common)
        up_only = device.w_min == 0.0
        return _same_fields(ExponentialPulsesCell, device, up_only=up_only, **common)
    if isinstance(device, PowStepDevice):
        return _same_fields(PowerStepCell, device, **common)
    if isinstance(device, PiecewiseStepDevice):
        nodes = {side: tuple(getattr(device, side)) for side in ("piecewise_up", "piecewise_down")}
        nodes = {side: values * 2 if len(values) == 1 else values for side, values in nodes.items()}
        return _same_fields(PiecewiseStepCell, device, **nodes, **common)
    raise ValueError(f"{name}: no cell has the law of {type(device).__name__}")


def _soft_bounds_of(device: SoftBoundsPmaxDevice) -> SoftBoundsDevice:
    """Return what aihwkit itself makes of numbers given as a pulse response.

    Its steps are not those of the response its documentation states: that would take alpha w_max up and
    -alpha w_min down, which are 1 + range_min / B and 1/2 of what it makes. Followed, not corrected.
    """
    reach = (device.range_max - device.range_min) / -np.expm1(-device.p_max * device.alpha)
    numbers = {f.name: getattr(device, f.name) for f in fields(SoftBoundsDevice)}
    return SoftBoundsDevice(**numbers | {
        "w_min": device.range_min, "w_max": device.range_min + reach, "dw_min": reach * device.alpha,
        "up_down": 1.0 + 2.0 * device.range_min / reach,
    })  # fmt: skip


def fabric_from_hidden(cell: KernelCell, hidden: dict[str, Tensor]) -> Fabric:
    """Return one array with the device-to-device values of an aihwkit tile's hidden parameters."""
    return cell.assemble(cell.from_hidden(hidden))


class TileArray:
    """One array of a pulsed cell as an aihwkit AnalogTile, rows x columns, for reference.

        tile.reset(); tile.write(pulses); tile.forward(x)       # y_r = sum_c w_rc x_c

    Pulses are DETERMINISTIC_IMPLICIT, both managements off, BL = n_max, lr = BL granularity: an update
    with d one-hot and x_c = -n_rc / BL is then exactly n_rc pulses (aihwkit's sign: w <- w - lr d x), and
    a batch of one-hot d writes the array. aihwkit draws from its own generators. One-sided cells take
    counts that are not negative. `device` chooses among aihwkit's classes of one law.
    """

    def __init__(
        self,
        cell: PulsedCell,
        fabric: Fabric,
        place: tuple[int, ...] = (),
        n_max: int | None = None,
        device: PulsedDevice | None = None,
    ) -> None:
        if not isinstance(cell, TiledCell):
            raise ValueError(f"aihwkit has no tile for {cell.name}")
        self.cell: TiledCell = cell
        self.device = device or device_of(cell)
        self.bl = n_max or cell.n_max
        self.rows, self.columns = fabric.cells
        self.copy_fabric(fabric, place)

    def copy_fabric(self, fabric: Fabric, place: tuple[int, ...] = ()) -> None:
        """A new tile that holds the devices of the array at `place`."""
        self.tile = self.fresh()
        hidden = self.tile.get_hidden_parameters()
        for name, values in fabric.values.items():
            if name in hidden:
                hidden[name] = values[place].clone()
        self.tile.set_hidden_parameters(OrderedDict(hidden))
        # One pulse is lr / (BL granularity). The granularity is dw_min, but the step at mid-range for
        # exponential steps, and the mean step where the hidden parameters are far from the preset's.
        granularity = self.tile.tile.dump_extra()["rpu.rpu_device.weight_granularity"][0]
        self.tile.set_learning_rate(self.bl * float(granularity))
        self.reset_bias = hidden["reset_bias"]
        self.bounds = (hidden["min_bound"], hidden["max_bound"])
        self.select = torch.eye(self.rows)

    def fresh(self) -> AnalogTile:
        """Return a tile of this array's size and cell whose devices aihwkit drew."""
        return AnalogTile(self.rows, self.columns, self._config())

    def hidden(self) -> dict[str, Tensor]:
        """Return the tile's hidden parameters, by aihwkit's names."""
        return dict(self.tile.get_hidden_parameters())

    def set_reset_state(self, w: Tensor) -> None:
        """Put every device at `w` (rows, columns); write noise is added to what is visible."""
        self.tile.set_weights(w.float())

    def reset(self) -> None:
        """w <- clip(reset_bias + reset_std xi), xi from torch's generator."""
        std = self.cell.strength("reset-noise") * self.cell.reset_std
        w = self.reset_bias + std * torch.randn(self.rows, self.columns)
        self.set_reset_state(w.clamp(*self.bounds))

    def write(self, pulses: Tensor) -> None:
        """Apply abs(pulses) pulses in their sign's direction to every device; whole counts up to n_max.

        Raises ValueError for more than n_max pulses, fractions, and pulses a one-sided cell does not have.
        """
        n = pulses.to(torch.float32)
        if float(n.abs().max()) > self.bl or not torch.equal(n, n.round()):
            raise ValueError(f"a tile takes whole counts of at most n_max={self.bl} pulses")
        if self.cell.one_sided and float(n.min()) < 0:
            raise ValueError(f"{self.cell.name} moves up only: write its pair as two tiles")
        self.tile.update(n / -self.bl, self.select)

    def weights(self) -> Tensor:
        """Return what a read sees: w with its write noise (rows, columns)."""
        return self.tile.get_weights()[0]

    def persistent(self) -> Tensor:
        """Return the state that pulses move, without write noise (rows, columns)."""
        hidden = self.tile.get_hidden_parameters()
        return hidden["persistent_weights"] if "persistent_weights" in hidden else self.weights()

    def forward(self, x: Tensor) -> Tensor:
        """Return exact products of visible weights and inputs: x (..., columns) -> (..., rows)."""
        return self.tile.forward(x.reshape(-1, self.columns).float()).reshape(*x.shape[:-1], self.rows)

    def _config(self) -> SingleRPUConfig:
        update = UpdateParameters(
            pulse_type=PulseType.DETERMINISTIC_IMPLICIT, desired_bl=self.bl, update_management=False,
            update_bl_management=False,
        )  # fmt: skip
        perfect = IOParameters(is_perfect=True)
        return SingleRPUConfig(device=self.device, forward=perfect, backward=perfect, update=update)


def device_of(cell: TiledCell) -> PulsedDevice:
    """Return the aihwkit device with a cell's numbers, its effects at their strengths; hidden parameters hold
    the spread.
    """
    kind = _kind_of(cell)
    known = {f.name for f in fields(kind)}
    numbers = {f.name: getattr(cell.population, f.name) for f in fields(Population)}
    numbers |= {f.name: getattr(cell, f.name) for f in fields(cell) if f.name in known}
    numbers |= {name: list(value) for name, value in numbers.items() if isinstance(value, tuple)}
    for effect, number in (("cycle-noise", "dw_min_std"), ("write-noise", "write_noise_std")):
        if number in numbers:
            numbers[number] *= cell.strength(effect)
    return kind(**numbers)


def _kind_of(cell: TiledCell) -> type[PulsedDevice]:
    """aihwkit's class for a cell's law, the plainest where several have it."""
    if isinstance(cell, AffineCell):
        if cell.referenced:
            return SoftBoundsReferenceDevice
        if cell.soft_bounds:
            return SoftBoundsDevice
        return LinearStepDevice
    if isinstance(cell, PowerStepCell):
        return PowStepDevice
    return PiecewiseStepDevice if isinstance(cell, PiecewiseStepCell) else ExpStepDevice


def _same_fields(kind: type, device: PulsedDevice, **more: Any) -> Any:
    """Return an object of `kind` whose fields are the device's fields of the same names."""
    names = {f.name for f in fields(kind)} - set(more)
    return kind(**more, **{name: getattr(device, name) for name in names if hasattr(device, name)})
