"""Tasks of most studies: a network on a block of simulated chips, and its one digital run.

    shared   network (name, digest of its file, change; a user's own file whole), dataset (name, digest),
             images, engine, chips, card, seed
    own      time [s] since programming, compensation (None: the card's), recalibrate (how many training
             images re-estimate the batch norms at that time; absent: none), maps (of how many test images
             the class-activation maps are compared; absent: none)

The chips are programmed once for all tasks that share them, the digital network is run once in a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import memsim
from memsim.studies.evaluation.setting import Setting

if TYPE_CHECKING:  # torch is imported where tasks are made or measured: reports of rows need none
    from memsim.studies.evaluation.execution import Trial
    from memsim.studies.evaluation.result import Result


def crossbars(
    setting: Setting,
    chips: Sequence[int],
    *,
    card: memsim.ChipCard | None = None,
    change: Mapping[str, Any] | None = None,
    engine: str = "memsim",
) -> dict[str, Any]:
    """Return the ``shared`` of a task: this network (changed, where `change` says so) on these chips.

    card: instead of the setting's; change: what ``memsim.studies.evaluation.variants.variant`` makes of the
    network; engine: "memsim", or "digital" where the changed network itself is to be measured, chips then
    being [0].
    """
    from memsim.studies.evaluation import trials

    return trials.shared_of(setting, chips, card=card, change=change, engine=engine)


def prepare(shared: Mapping[str, Any], data: str = "data") -> Trial:
    """Build, program and calibrate the chips of a task; ValueError for a network or data that has changed."""
    from memsim.studies.evaluation import trials

    return trials.prepare(shared, data)


def measure(prepared: Trial, own: Mapping[str, Any]) -> Result:
    """Run all test images at a time and with a compensation."""
    from memsim.studies.evaluation import trials

    return trials.measure(prepared, own)
