"""The only door to aihwkit: its presets become cells, its hidden parameters become fabrics, its tiles can
be written.

aihwkit works in unitless w for pulsed devices and in microsiemens for noise models; cells are SI. Its
noise models, repaired, are in :mod:`devices.noise_models`.
"""

from collections import OrderedDict
from dataclasses import fields, replace
from typing import Any

import torch
from aihwkit.inference import PCMLikeNoiseModel
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.configs.devices import (
    ExpStepDevice,
    LinearStepDevice,
    PulsedDevice,
    SoftBoundsReferenceDevice,
)
from aihwkit.simulator.parameters import IOParameters, UpdateParameters
from aihwkit.simulator.parameters.enums import PulseType
from aihwkit.simulator.tiles.analog import AnalogTile
from torch import Tensor

from devices.cell import Fabric, PulsedCell
from devices.effects import Spread
from devices.exponential_step import ExponentialStepCell
from devices.functions import Polynomial
from devices.linear_step import LinearStepCell
from devices.pcm_nandakumar2020 import Nandakumar2020Cell
from devices.pcm_weights import JOSHI_DRIFT, JOSHI_FLICKER, pcm_joshi2020
from devices.population import Population
from devices.pulsed import KernelCell
from devices.soft_bounds_reference import SoftBoundsReferenceCell
from devices.weight_cell import WeightCell

#: cells that aihwkit has a tile for
TiledCell = SoftBoundsReferenceCell | LinearStepCell | ExponentialStepCell | Nandakumar2020Cell

#: aihwkit fields no cell models, and the value at which they do nothing
_IDLE = {
    "corrupt_devices_prob": 0.0, "diffusion": 0.0, "lifetime": 0.0, "enforce_consistency": True,
    "perfect_bias": False, "allow_increasing": False, "slope_up_dtod": 0.0, "slope_down_dtod": 0.0,
}  # fmt: skip


def pulsed_cell(device: Any, *, name: str, technology: str, source: str, n_max: int) -> KernelCell:
    """The cell of an aihwkit device preset: the same numbers, the same law.

    Raises ValueError for a device class, a noise or an option that no cell models.
    """
    for option, idle in _IDLE.items():
        if getattr(device, option, idle) != idle:
            raise ValueError(f"{name}: no cell models {option}={getattr(device, option)}")
    if device.drift.nu or device.drift.nu_dtod:
        raise ValueError(f"{name}: no cell models the drift of a pulsed device")
    common: dict[str, Any] = {"name": name, "technology": technology, "source": source, "n_max": n_max}
    common["population"] = _same_fields(Population, device)
    mult = getattr(device, "mult_noise", None)
    if isinstance(device, SoftBoundsReferenceDevice) and not mult:
        return _same_fields(SoftBoundsReferenceCell, device, **common)
    if isinstance(device, LinearStepDevice) and mult:
        return _same_fields(LinearStepCell, device, **common)
    if isinstance(device, ExpStepDevice):
        plain = device.dw_min_std_add == device.dw_min_std_slope == 0.0
        if device.w_min == 0.0 and device.write_noise_std == 0.0:
            return _same_fields(Nandakumar2020Cell, device, gamma=device.gamma_up, A=device.A_up, **common)
        if plain and max(device.A_up, device.A_down) <= 0.0:
            return _same_fields(ExponentialStepCell, device, **common)
    raise ValueError(f"{name}: no cell has the law of {type(device).__name__} with these options")


def weight_cell(model: PCMLikeNoiseModel, *, name: str, source: str, read_noise: float) -> WeightCell:
    """The cell of an aihwkit PCM noise model, its microsiemens made siemens, its scales made strengths.

    Raises ValueError for scales that no strength has.
    """
    scales = {
        "programming": model.prog_noise_scale, "drift": model.drift_scale,
        "flicker-noise": model.read_noise_scale,
    }  # fmt: skip
    g_max = float(model.g_max or 0.0) / 1e6
    return replace(
        pcm_joshi2020(), name=name, source=source, g_max=g_max, g_top=g_max, read_noise_std=read_noise,
        programming=Spread(Polynomial(tuple(model.prog_coeff)), g_fit=model.prog_coeff_g_max_reference),
        drift=replace(JOSHI_DRIFT, t_0=model.t_0),
        flicker=replace(JOSHI_FLICKER, t_0=model.t_0, t_read=model.t_read),
        strengths=tuple(scales.items()),
    )  # fmt: skip


def fabric_from_hidden(cell: KernelCell, hidden: dict[str, Tensor]) -> Fabric:
    """One array with the device-to-device values of an aihwkit tile's hidden parameters."""
    wanted = cell.value_names()
    missing = [name for name in wanted if name not in hidden]
    if missing:
        raise ValueError(f"{cell.name}: these hidden parameters lack {', '.join(missing)}")
    return cell.assemble({name: hidden[name].clone() for name in wanted})


class TileArray:
    """One array of a pulsed cell as an aihwkit AnalogTile, rows x columns, for reference.

        tile.reset(); tile.write(pulses); tile.forward(x)       # y_r = sum_c w_rc x_c

    Pulses are DETERMINISTIC_IMPLICIT, both managements off, BL = n_max, lr = BL granularity: an update
    with d one-hot and x_c = -n_rc / BL is then exactly n_rc pulses (aihwkit's sign: w <- w - lr d x), and
    a batch of one-hot d writes the array. aihwkit draws from its own generators. One-sided cells take
    counts that are not negative.
    """

    def __init__(
        self, cell: PulsedCell, fabric: Fabric, place: tuple[int, ...] = (), n_max: int | None = None
    ) -> None:
        if not isinstance(cell, TiledCell):
            raise ValueError(f"aihwkit has no tile for {cell.name}")
        self.cell: TiledCell = cell
        self.bl = n_max or cell.n_max
        self.rows, self.columns = fabric.cells
        self.copy_fabric(fabric, place)

    def copy_fabric(self, fabric: Fabric, place: tuple[int, ...] = ()) -> None:
        """A new tile that holds the devices of the array at `place`."""
        self.tile = self.fresh()
        hidden = self.tile.get_hidden_parameters()
        for name, values in fabric.values.items():
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
        """A tile of this array's size and cell whose devices aihwkit drew."""
        return AnalogTile(self.rows, self.columns, self._config())

    def hidden(self) -> dict[str, Tensor]:
        """The tile's hidden parameters, by aihwkit's names."""
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
        """What a read sees: w with its write noise (rows, columns)."""
        return self.tile.get_weights()[0]

    def persistent(self) -> Tensor:
        """The state that pulses move, without write noise (rows, columns)."""
        hidden = self.tile.get_hidden_parameters()
        return hidden["persistent_weights"] if "persistent_weights" in hidden else self.weights()

    def forward(self, x: Tensor) -> Tensor:
        """Exact products of visible weights and inputs: x (..., columns) -> (..., rows)."""
        return self.tile.forward(x.reshape(-1, self.columns).float()).reshape(*x.shape[:-1], self.rows)

    def _config(self) -> SingleRPUConfig:
        update = UpdateParameters(
            pulse_type=PulseType.DETERMINISTIC_IMPLICIT, desired_bl=self.bl, update_management=False,
            update_bl_management=False,
        )  # fmt: skip
        perfect = IOParameters(is_perfect=True)
        return SingleRPUConfig(device=device_of(self.cell), forward=perfect, backward=perfect, update=update)


def device_of(cell: TiledCell) -> PulsedDevice:
    """The aihwkit device with a cell's numbers, its effects at their strengths; hidden parameters hold the
    spread.
    """
    kinds = {
        SoftBoundsReferenceCell: SoftBoundsReferenceDevice, LinearStepCell: LinearStepDevice,
        ExponentialStepCell: ExpStepDevice, Nandakumar2020Cell: ExpStepDevice,
    }  # fmt: skip
    kind = kinds[type(cell)]
    known = {f.name for f in fields(kind)}
    numbers = {f.name: getattr(cell.population, f.name) for f in fields(Population)}
    numbers |= {f.name: getattr(cell, f.name) for f in fields(cell) if f.name in known}
    if isinstance(cell, Nandakumar2020Cell):
        numbers |= {"gamma_up": cell.gamma, "gamma_down": cell.gamma, "A_up": cell.A}
    if isinstance(cell, (SoftBoundsReferenceCell, LinearStepCell)):
        numbers["mult_noise"] = isinstance(cell, LinearStepCell)
    for effect, number in (("cycle-noise", "dw_min_std"), ("write-noise", "write_noise_std")):
        if number in numbers:
            numbers[number] *= cell.strength(effect)
    return kind(**numbers)


def _same_fields(kind: type, device: PulsedDevice, **more: Any) -> Any:
    """An object of `kind` whose fields are the device's fields of the same names."""
    names = {f.name for f in fields(kind)} - set(more)
    return kind(**more, **{name: getattr(device, name) for name in names if hasattr(device, name)})
