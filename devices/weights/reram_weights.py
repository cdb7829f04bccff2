"""Resistive memory for weights: what program-and-verify leaves, and how it relaxes.

Numbers as in aihwkit's noise models, their defects repaired (:mod:`memsim.devices.weights.noise_models`),
and in CrossSim for Milo et al.
"""

from memsim.devices.functions import Polynomial
from memsim.devices.weights.effects import DecadeFlicker, FittedRelaxation, LogRelaxation, Spread
from memsim.devices.weights.iv_curve import CubicCurve
from memsim.devices.weights.weight_cell import WeightCell

DAY = 86400.0

_WAN_1S, _WAN_1D, _WAN_2D = (
    Spread(Polynomial(coefficients), g_fit=40.0)
    for coefficients in (
        (0.348, 16.030, -43.853, 45.393, -16.815),
        (0.701, 22.086, -50.773, 47.095, -16.458),
        (0.782, 20.274, -43.507, 37.062, -11.934),
    )
)


def reram_wan2022() -> WeightCell:
    """Return the preset `reram-wan2022`: NeuRRAM, fitted at 40 uS and 1 s, 1 day and 2 days after the write.

    Below 40 uS the spread scales with g_max. Noise of a read: aihwkit's advice of w_noise = 0.01, additive
    there; here it falls with the root of the conductance, an assumption.
    """
    return WeightCell(
        name="reram-wan2022",
        technology="ReRAM",
        source="Wan et al., Nature 608, 504 (2022), as in aihwkit's ReRamWan2022NoiseModel; measured to 2 "
        "days after the write, held beyond",
        g_max=40e-6,
        g_top=40e-6,
        programming=_WAN_1S,
        relaxation=FittedRelaxation((1.0, DAY, 2 * DAY), (_WAN_1S, _WAN_1D, _WAN_2D)),
        read_noise_std=0.01,
    )


def reram_cmo_2pct() -> WeightCell:
    """Return the preset `reram-cmo-falcone2025-2pct`: verified to within 2 % of the target."""
    return _cmo("2pct", (0.0112185391, 0.01129027418))


def reram_cmo_02pct() -> WeightCell:
    """Return the preset `reram-cmo-falcone2025-0.2pct`: verified to within 0.2 % of the target."""
    return _cmo("0.2pct", (0.00081107, 0.00106879))


def _cmo(acceptance: str, coefficients: tuple[float, float]) -> WeightCell:
    """CMO/HfOx, 9 to 88.2 uS; relaxation from 1 s on.

    The noise path starts at t_0 = t_read, so that it is zero at the write: from 10 ms on its law is aihwkit's
    to 1e-5. aihwkit clips at g_max as well, no property of the device: here 0 alone is a bound. Noise
    of a read as for reram-wan2022.
    """
    return WeightCell(
        name=f"reram-cmo-falcone2025-{acceptance}",
        technology="ReRAM",
        source="Falcone et al. (2025), arXiv 2502.04524, as in aihwkit's ReRamCMONoiseModel",
        g_min=9e-6,
        g_max=88.2e-6,
        g_top=88.2e-6,
        programming=Spread(Polynomial(coefficients)),
        relaxation=LogRelaxation(mean_slope=-0.08900206, spread_slope=0.04201137, spread_offset=0.41183342),
        flicker=DecadeFlicker(t_0=1e-6, t_read=1e-6, k=0.0277316483),
        read_noise_std=0.01,
    )


def reram_milo2021() -> WeightCell:
    """Return the preset `reram-milo2021`: HfO2, 50 to 225 uS, with its I-V curve up to 0.5 V; nothing is
    known of time and of the noise of a read.
    """
    return WeightCell(
        name="reram-milo2021",
        technology="ReRAM",
        source="Milo et al., IRPS 2021 (9405119), as fitted in CrossSim",
        g_min=50e-6,
        g_max=225e-6,
        g_top=225e-6,
        programming=Spread(Polynomial((4.782321, -0.009107))),
        curve=CubicCurve(
            square=Polynomial((7.063e-3, 5.711e-3, 1.541e-3, 1.388e-4)),
            cube=Polynomial((1.2968e-3, 6.7919e-4, 8.871e-5)),
            g_low=50e-6,
            g_high=225e-6,
            v_max=0.5,
        ),
    )
