"""`memsim.compare`: any network, card and data through one door; what is wrong is refused before the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim.engines.aihwkit import check_time
from memsim.engines.common_effects import lacks
from memsim.studies.evaluation import digital
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.evaluation.digital import Advance, Output
from memsim.studies.evaluation.execution import Measured, Trial, execute
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.sample import conductances, maps
from memsim.studies.evaluation.setting import ENGINES, Setting, dump
from memsim.studies.evaluation.subject import Subject, net_digest
from memsim.studies.evaluation.test_data import TestData, test_data
from memsim.studies.evaluation.trials import calibration as ranges


def compare(
    net: nn.Module | NetFile | str = "s2tdpt-digits",
    card: memsim.ChipCard | str = "default",
    data: Any = None,
    *,
    chips: int = 8,
    images: int | None = None,
    time: float = 86400.0,
    seed: int = 0,
    engine: str = "memsim",
    calibration: Tensor | None = None,
    output: Output = None,
    strict: bool = False,
    batch_axis: int = 0,
    folder: str = "data",
    advance: Advance = lambda *_: None,
) -> Comparison:
    """Run a network digitally and on simulated chips, and measure what differs.

        found = memsim.compare(net, "default", (x_test, y_test, x_train), chips=8)
        found.digital_accuracy, found.accuracy.mean, found.energy["crossbar"]

    net: any torch network with logits (B, classes), the name of a bundled one, a checkpoint file, or a
    ``NetFile``.  card: a ChipCard, or the name or file of one.  data: the name of a data set, an .npz file, a
    ``models.Dataset`` or arrays (x_test, y_test[, x_train]), x (B, ...), y (B) whole numbers; default: the
    data set of the network's training record.  chips: how many; images: the first of them (default: all);
    time: since programming [s].  calibration: training inputs that set the converters' ranges (default: the
    network's own where it runs on the data of its training, else the first of the data's).  output: what of
    the network's output are the logits, a function or a key.  strict: refuse matrices that would stay
    digital.  batch_axis: the axis of the network's inputs, and of x, that holds the images.  folder: of data
    sets that are not embedded.  engine: "digital", "memsim" or "aihwkit", whose tiles are compared with
    memsim's arrays as well, both without what aihwkit does not have.
    Raises ValueError, TypeError or CardError, by name, before the work begins.
    """
    card, lacking = _card(card, engine)
    _check(card, chips, time, engine)
    subject = _subject(net)
    given = subject.on(None) if data is None else data
    source = test_data(given, images=images, folder=folder, batch_axis=batch_axis)
    calibration = _calibration(calibration, subject, source, card, engine)
    setting = Setting(
        model=subject.title, net=net if isinstance(net, NetFile) else None, card=dump(card),
        engine=engine, chips=chips, images=images, time=time, seed=seed, data=folder,
        dataset=data if isinstance(data, str) else None,
    )  # fmt: skip
    settings = [replace(setting, engine="memsim")] * (engine == "aihwkit") + [setting]
    dtype, axis = torch.float64 if card.ideal else torch.float32, source.batch_axis
    digital.probe(subject.net, source, dtype, output=output)
    made = [_chip(subject, card, one, calibration, output, strict, axis) for one in settings]
    inputs = {"network": net_digest(subject.net), "data": source.digest}
    reference = digital.run(subject.net, source, dtype, output=output, advance=advance)
    found = None
    for one, chip in zip(settings, made, strict=True):
        trial = Trial(reference, range(chips), engine=one.engine, output=output, chip=chip)
        parts = _measure(trial, subject.net, time, advance)
        beside = {"beside": found, "lacking": lacking} if found else {}
        found = Comparison(one, card, *parts, inputs=inputs, **beside)
    assert found is not None
    return found


def _chip(
    subject: Subject, card: memsim.ChipCard, setting: Setting, calibration: Tensor | None, output: Output,
    strict: bool, axis: int,
) -> memsim.Chip | None:  # fmt: skip
    """Return the chips of a setting, not programmed yet; None for engine digital."""
    if setting.engine == "digital":
        return None
    return memsim.to_crossbar(
        subject.net, card, chips=setting.chips, seed=setting.seed, engine=setting.engine,
        calibration=calibration, output=output, strict=strict, batch_axis=axis,
    )  # fmt: skip


def _measure(trial: Trial, net: nn.Module, time: float, advance: Advance) -> tuple[Measured, dict[str, Any]]:
    """Program the chips, if any, and run all test data at a time [s]; also what a report draws of them."""
    chip, part = trial.chip, trial.digital.plain
    if chip is None:
        return execute(trial, time), {}
    advance("programming chips", 0, 1)
    chip.program()
    before = conductances(chip)
    measured = execute(trial, time, advance=advance)
    first = part.images[:1].movedim(0, trial.digital.batch_axis)
    sample = {"before": before, "after": conductances(chip), "image": part.images[0]}
    return measured, sample | maps(net, chip, first)


def _check(card: memsim.ChipCard, chips: int, time: float, engine: str) -> None:
    if engine not in ENGINES:
        raise ValueError(f"engine = {engine!r}: one of {', '.join(ENGINES)}")
    if isinstance(chips, bool) or not isinstance(chips, int) or chips < 1:
        raise ValueError(f"chips = {chips!r}: a whole number of at least 1 is needed")
    if not 0 <= time < float("inf"):
        raise ValueError(f"time = {time} s: seconds since programming must be a number >= 0 (1 day is 86400)")
    if engine == "memsim":
        card.check_prices(build=True)
    elif engine == "aihwkit":
        check_time(card, time)


def _card(card: memsim.ChipCard | str, engine: str) -> tuple[memsim.ChipCard, Sequence[str]]:
    """Return the card, without the effects that the engine lacks, and these."""
    card = card if isinstance(card, memsim.ChipCard) else memsim.ChipCard.load(card)
    lacking = lacks(card) if engine == "aihwkit" else ()
    return card.without(*lacking), lacking


def _calibration(
    given: Tensor | None, subject: Subject, source: TestData, card: memsim.ChipCard, engine: str
) -> Tensor | None:
    """Training inputs for the converters: those given, or the network's; ValueError where they lack."""
    calibration = ranges(subject, source, own=subject.calibration) if given is None else given
    if engine != "digital" and calibration is None and card.calibrates:
        effects = ", ".join(map(repr, card.converter_effects))
        raise ValueError(
            "the converters need training inputs to set their ranges: give data=(x_test, y_test, x_train) or "
            f"calibration=, or switch them off with card.without({effects})"
        )
    return calibration


def _subject(net: nn.Module | NetFile | str) -> Subject:
    if isinstance(net, nn.Module):
        return Subject.given(net)
    if isinstance(net, NetFile):
        return Subject.made(net)
    if isinstance(net, str):
        return Subject.load(net)
    raise TypeError(f"net is a {type(net).__name__}; a torch.nn.Module or the name of a network is needed")
