"""Phase-change memory for weights: programming error, drift and accumulated 1/f noise.

Numbers as in aihwkit's PCMLikeNoiseModel and HermesNoiseModel, which the tests hold beside these.
"""

from typing import Any

from memsim.devices.functions import CappedPower, ClippedLog, Function, Polynomial, Split
from memsim.devices.weights.effects import MICRO, Drift, RelativeFlicker, Spread
from memsim.devices.weights.weight_cell import WeightCell

JOSHI_DRIFT = Drift(
    mean=ClippedLog(-0.0155, 0.0244, 0.049, 0.1),
    spread=ClippedLog(-0.0125, -0.0059, 0.008, 0.045),
    t_0=20.0,
)
JOSHI_FLICKER = RelativeFlicker(t_0=20.0, t_read=250e-9, fit=CappedPower(0.0088, 0.65, 0.2))


def pcm_joshi2020(**changes: Any) -> WeightCell:
    """Return the preset `pcm-joshi2020`: a million devices, g_max 25 uS, about 1 s to a year after the write.

    Joshi et al., Nat. Commun. 11, 2473 (2020); Nandakumar et al., ICECS 2019 (8964852). `read_noise_std` is
    the w_noise (PCM_READ) of aihwkit's StandardHWATrainingPreset.
    """
    numbers: dict[str, Any] = {
        "name": "pcm-joshi2020",
        "technology": "PCM",
        "source": "Joshi et al., Nat. Commun. 11, 2473 (2020), as in aihwkit's PCMLikeNoiseModel",
        "g_max": 25e-6,
        "g_top": 25e-6,
        "programming": Spread(Polynomial((0.26348, 1.9650, -1.1731)), g_fit=25.0),
        "drift": JOSHI_DRIFT,
        "flicker": JOSHI_FLICKER,
        "read_noise_std": 0.0175,
    }
    return WeightCell(**(numbers | changes))


def pcm_hermes_1() -> WeightCell:
    """Return the preset `pcm-hermes2023-1`: the 14 nm HERMES chip, one device on either side of a pair."""
    return _hermes(
        name="pcm-hermes2023-1",
        g_fit=10.35,
        t_0=200.0,
        programming=(0.15781817, 2.32443916, -2.16310839, 0.68841818),
        spread=Split(
            0.3039, ClippedLog(-0.0120, -0.0023, 0.0124, 0.04), Polynomial((0.0104, 0.0116, -0.0165))
        ),
        flicker=Split(
            0.1591, ClippedLog(-0.0078, 0.0038, 0.0179, 0.04), Polynomial((0.0088, 0.0768, -0.1352, 0.0664))
        ),
    )


def pcm_hermes_2() -> WeightCell:
    """Return the preset `pcm-hermes2023-2`: the same chip, two devices with the same target on either side,
    as one cell of twice the range.
    """
    return _hermes(
        name="pcm-hermes2023-2",
        g_fit=20.7,
        t_0=300.0,
        programming=(0.16603222, 4.71806468, -8.48101252, 4.68961419),
        spread=Split(
            0.3055, ClippedLog(-0.0117, -0.0057, 0.0091, 0.04), Polynomial((0.0073, 0.0093, -0.0118))
        ),
        flicker=Split(
            0.16, ClippedLog(-0.0117, -0.0069, 0.015, 0.04), Polynomial((0.0123, 0.0211, -0.0280, 0.0069))
        ),
    )


def _hermes(
    name: str, g_fit: float, t_0: float, programming: tuple[float, ...], spread: Function, flicker: Function
) -> WeightCell:
    """Return what both have in common; g_fit in microsiemens, spread of the drift exponent.

    Vasilopoulos et al. publish no noise of a single read: that of pcm-joshi2020, an assumption.
    """
    mean = Split(0.0945, ClippedLog(-0.0387, -0.0182, 0.0720, 0.13), Polynomial((0.0736, -0.0126, -0.0436)))
    return WeightCell(
        name=name,
        technology="PCM",
        source="Vasilopoulos et al., IEEE Trans. Electron Devices (2023) (10281389), as in aihwkit's "
        "HermesNoiseModel; noise of a single read assumed",
        g_max=g_fit * MICRO,
        g_top=g_fit * MICRO,
        programming=Spread(Polynomial(programming), g_fit),
        drift=Drift(mean, spread, t_0),
        flicker=RelativeFlicker(t_0, 512e-9, flicker),
        read_noise_std=0.0175,
    )
