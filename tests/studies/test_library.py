"""What built-in studies make of their points: right for rows chosen by hand, whole for rows not all there."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import memsim
from memsim import models
from memsim.models.known import BUNDLED
from memsim.models.training.folds import fold_file
from memsim.studies.evaluation.marks import marks
from memsim.studies.evaluation.points import Point, points
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.library import attention, countermeasures, drift, lifetime, tradeoff, variation
from memsim.studies.reports import draw
from memsim.studies.reports.figure_style import svg
from memsim.studies.running.study import load, names
from memsim.studies.running.task import Task

DAY, YEAR = 86400.0, 365 * 86400.0
CARD = dump(memsim.ChipCard.load("default"))
DIGITS = models.load("s2tdpt-digits")


def measured(task: Task, *, harder: bool = True, priced: bool = True) -> dict[str, Any]:
    """A result made up from a task's name, with every column and value a measurement has."""
    chips = task.shared["chips"]
    seed = int.from_bytes(sha256(json.dumps(task.labels).encode()).digest()[:4], "big")
    found: dict[str, Any] = {}
    for prefix in ("", "harder ") if harder else ("",):
        rng = np.random.Generator(np.random.Philox(seed))
        right = np.clip(0.9 - 0.2 * rng.random() + 0.01 * np.sin(7.0 * np.array(chips) + seed), 0, 1).round(4)
        found |= {
            f"{prefix}images": 450,
            f"{prefix}accuracy [1]": right.tolist(),
            f"{prefix}agreement [1]": right.tolist(),
            f"{prefix}cross-entropy [nat]": (1.2 - right).tolist(),
            f"{prefix}margin [1]": (5 * right - 6).tolist(),
            f"{prefix}digital accuracy [1]": 0.94,
            f"{prefix}digital cross-entropy [nat]": 0.2,
        }
    if "trained" not in task.shared["network"]["change"]:
        found["spike mismatch [1]"] = (0.05 * (1.2 - np.array(found["accuracy [1]"]))).tolist()
    if priced and task.shared["engine"] != "digital":
        joule = 1e-7 * (1 + seed % 7)
        found |= {
            "energy [J]": joule,
            "breakdown [J]": {"ADC": 0.6 * joule, "attention pulses": 0.4 * joule},
            "latency [s]": 1e-5 * (1 + seed % 5),
            "pulses": 30000.0,
            "silent pulses": 12000.0,
            "attention cycles": 8.0,
            "silent cycles": 1.6,
            "upkeep": dict.fromkeys(("writes", "write energy [J]", "reads", "read energy [J]"), 1e-6),
            "digital energy [J]": {"digital_sop": 3e-6, "digital_lut": 1.7e-7},
        }
    columns = {name: value for name, value in found.items() if isinstance(value, list)}
    common = {name: value for name, value in found.items() if name not in columns}
    return Result(per_chip=columns, total=common).json()


@cache
def own(study: str) -> dict[str, Any]:
    """What a study needs beside the card: the networks of two folds of digits, copies of the bundled one."""
    if study != "folds":
        return {}
    folder = mkdtemp()
    for number in (1, 2):
        shutil.copy(
            BUNDLED / "s2tdpt-digits.safetensors", fold_file(folder, "s2tdpt-digits", "digits", number, 2)
        )
    return {"dataset": "digits", "data": folder}


@cache
def tasks(study: str, chips: int) -> list[Task]:
    """The tasks of a study on chips of the default card."""
    return list(load(study).tasks(replace(Setting(card=CARD, chips=chips), **own(study))))


@cache
def made(study: str, chips: int = 8, harder: bool = True, priced: bool = True) -> list[Point]:
    """The points of a study whose every task was measured."""
    return points(
        {
            "id": t.id,
            "labels": t.labels,
            "shared": t.shared,
            "result": measured(t, harder=harder, priced=priced),
        }
        for t in tasks(study, chips)
    )


def some(found: Sequence[Point], share: float, seed: int = 0) -> list[Point]:
    rng = np.random.Generator(np.random.Philox(seed))
    return [point for point in found if rng.random() < share]


def whole(study: str, found: Sequence[Point]) -> None:
    """Everything a report takes of a study can be had, and reads like it."""
    module = load(study).module
    for name, table in module.tables(found).items():
        assert re.fullmatch(r"[\w-]+", name) and table.title and table.rows, name
        assert all(len(row) == len(table.header) for row in table.rows), name
        text = "\n".join(
            [table.title, table.note, *table.header, *(cell for row in table.rows for cell in row)]
        )
        assert not re.search(r"\b(nan|inf|None|not finite)\b", text), (name, text)
    for sentence in module.findings(found):
        assert re.fullmatch(r"[A-Z][^\n]*[.]", sentence), sentence
        assert not re.search(r"\bnan\b|\binf|None|harder:|\[1\]|  | %\.\w", sentence), sentence


def full(figures: dict[str, Figure]) -> None:
    """No figure without a caption, or an axes without something drawn."""
    for name, figure in figures.items():
        assert re.fullmatch(r"[A-Z].*\.", str(figure.get_label())), name
        assert figure.axes and any(ax.axison for ax in figure.axes), name
        for ax in figure.axes:
            assert not ax.axison or (ax.has_data() and ax.get_xlabel()), name


@pytest.mark.parametrize("study", names())
class TestEveryStudy:
    def test_all_rows(self, study: str) -> None:
        module = load(study).module
        whole(study, made(study))
        assert module.findings(made(study)) and len(module.tables(made(study))) > 1

    @pytest.mark.parametrize(
        "share",
        [pytest.param(0.1, marks=pytest.mark.slow), pytest.param(1.0, marks=pytest.mark.exhaustive)],
    )
    def test_figures_are_the_same_bytes_when_drawn_again(self, study: str, share: float) -> None:
        module, found = load(study).module, some(made(study), share)
        drawn = [module.figures(found) for _ in range(2)]
        full(drawn[0])
        assert len(drawn[0]) > 1
        first, again = ({name: svg(figure) for name, figure in one.items()} for one in drawn)
        assert first == again

    @pytest.mark.parametrize("share", [0.5, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.1, 0.9))])
    def test_rows_that_are_not_all_there(self, study: str, share: float) -> None:
        for seed in range(4):
            whole(study, some(made(study), share, seed))

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_figures_of_rows_that_are_not_all_there(self, study: str, share: float) -> None:
        for seed in range(4):
            full(load(study).module.figures(some(made(study), share, seed)))

    def test_each_point_alone_and_none(self, study: str) -> None:
        module = load(study).module
        assert module.tables([]) == module.figures([]) == {} and module.findings([]) == []
        for point in made(study)[:: max(1, len(made(study)) // 40)]:
            whole(study, [point])
        full(dict(list(module.figures(made(study)[:1]).items())[:1]))

    @pytest.mark.slow
    def test_every_point_alone(self, study: str) -> None:
        for point in made(study):
            whole(study, [point])

    @pytest.mark.parametrize(
        ("chips", "harder", "priced"), [(1, True, True), (2, False, True), (2, True, False)]
    )
    def test_one_chip_no_harder_set_no_energy(
        self, study: str, chips: int, harder: bool, priced: bool
    ) -> None:
        found = made(study, chips, harder, priced)
        whole(study, found)
        if study in ("drift", "tradeoff"):  # whose figures lean on what is missing here
            full(load(study).module.figures(some(found, 0.1)))


def at(labels: dict[str, Any], right: Sequence[float], **values: Any) -> Point:
    """A point with the accuracies of its chips; cross-entropy is 1 - accuracy."""
    columns = {"accuracy [1]": list(right), "cross-entropy [nat]": [1 - x for x in right]}
    return Point(
        labels=labels, chips=list(range(len(right))), per_chip=columns, total={"images": 100, **values}
    )


class TestDrift:
    def upkeep(self, kind: str, time: float, *right: float) -> Point:
        return at({"upkeep": kind, "time [s]": time}, right)

    def test_times_of_one_verdict_are_one_sentence(self) -> None:
        found = []
        for time, gains in (
            (1.0, (0.01, -0.01)),
            (3600.0, (0.2, 0.21)),
            (DAY, (0.3, 0.31)),
            (YEAR, (-0.3, -0.31)),
        ):
            found += [self.upkeep("none", time, 0.5, 0.6)]
            found += [self.upkeep("global", time, 0.5 + gains[0], 0.6 + gains[1])]
        said = drift.findings(found[::-1])
        assert said == [
            "Global compensation makes no significant difference at 1 s after programming, with 0.00 [−12.71,"
            " +12.71] points of accuracy.",
            "Global compensation is better on these images from 1 hour to 1 day after programming, by +20.50 "
            "[+14.15, +26.85] to +30.50 [+24.15, +36.85] points of accuracy.",
            "Global compensation is worse on these images at 1 year after programming, by −30.50 [−36.85, "
            "−24.15] points of accuracy.",
        ]

    def test_a_difference_alike_on_all_chips_is_said(self) -> None:
        found = [self.upkeep("none", DAY, 0.5, 0.6), self.upkeep("column", DAY, 0.51, 0.61)]
        (said,) = drift.findings(found)
        assert said.endswith(
            "makes no significant difference at 1 day after programming, with +1.00 points (equal on all "
            "chips) in accuracy."
        )
        assert drift.tables(found)["gain"].rows == [["1 day", "+1.00 (equal on all chips)"]]

    def test_the_harder_set_is_named_as_people_do(self) -> None:
        said = drift.findings(made("drift"))
        assert 2 <= len(said) <= 14 and all(s.endswith("points of accuracy on the harder set.") for s in said)
        titles = [table.title for table in drift.tables(made("drift")).values()]
        assert titles[:2] == [
            "Accuracy on the harder set [%] by time since programming",
            "Gain by upkeep: change of accuracy on the harder set [points] against none",
        ]

    def test_upkeep_that_is_not_counted_is_absent(self) -> None:
        assert "upkeep" not in drift.tables(made("drift", 2, True, False))
        row = drift.tables(made("drift"))["upkeep"].rows[0]
        assert row[:2] == ["none", "10 years"] and "0" not in (row[2], row[5])


class TestTradeoff:
    def cost(self, value: int, energy: float, *right: float) -> Point:
        labels = {"axis": "ADC bits" if value else tradeoff.CARD, "value": value or "", "time [s]": DAY}
        return at(labels, right, **{"energy [J]": energy, "latency [s]": 1.0 / energy})

    def test_pareto_by_hand(self) -> None:
        """The card is beaten by 4 at the same price; 5 costs more for no more; 8 is the best there is."""
        found = [
            self.cost(0, 2e-7, 0.8, 0.8), self.cost(3, 1e-7, 0.6, 0.8), self.cost(4, 2e-7, 0.9, 0.8),
            self.cost(5, 3e-7, 0.85, 0.85), self.cost(8, 4e-7, 0.9, 0.9),
        ]  # fmt: skip
        assert [p.labels["value"] for p in tradeoff.pareto(found)] == [3, 4, 8]
        assert [p.labels["value"] for p in tradeoff.pareto(found, "latency [s]")] == [8]
        assert tradeoff.pareto([at({}, [0.5])]) == tradeoff.pareto([]) == []
        rows = tradeoff.tables(found)["front"].rows
        assert [row[:3] for row in rows] == [
            ["ADC bits 3", "100 nJ", "10.0 Ms"],
            ["ADC bits 4", "200 nJ", "5.00 Ms"],
            ["ADC bits 8", "400 nJ", "2.50 Ms"],
        ]  # fmt: skip

    def test_the_cheapest_point_loses_at_most_a_point_for_sure(self) -> None:
        """Against the card: 3 loses 2 points, 4 nothing in the mean but not surely, 5 a little, surely."""
        card = self.cost(0, 4e-7, 0.90, 0.91, 0.92)
        found = [
            card, self.cost(3, 1e-7, 0.88, 0.89, 0.90), self.cost(4, 2e-7, 0.87, 0.91, 0.95),
            self.cost(5, 3e-7, 0.899, 0.909, 0.918),
        ]  # fmt: skip
        (said,) = tradeoff.findings(found)
        assert said == (
            "The cheapest point that is at most one point of accuracy worse than the card (the lower end of "
            "the paired 95 % interval is −1 or above) is “ADC bits 5”. It takes 300 nJ for an image instead "
            "of 400 nJ and changes accuracy by −0.13 [−0.43, +0.16] points 1 day after programming."
        )
        edge = self.cost(6, 2.5e-7, 0.89, 0.90, 0.91)
        assert (
            "“ADC bits 6”. It takes 250 nJ for an image instead of 400 nJ and changes accuracy by −1.00 "
            "points (equal on all chips)"
        ) in tradeoff.findings([*found, edge])[0]

    def test_where_no_point_is_cheaper_or_one_chip_is_all_it_says_so(self) -> None:
        (said,) = tradeoff.findings([self.cost(0, 1e-7, 0.9, 0.91), self.cost(9, 2e-7, 0.9, 0.91)])
        assert said.startswith(
            "No point that takes less energy than the card (100 nJ for an image) is known to be at most one "
            "point"
        )
        few = [self.cost(0, 1e-7, 0.9, 0.91), self.cost(3, 5e-8, 0.9, 0.91)]
        for point in few:  # four images: equal answers are no certainty
            point.marks = {"accuracy [1]": [marks(torch.tensor([True, True, True, False]))] * 2}
        (said,) = tradeoff.findings(few)
        assert said.startswith("No point that takes less energy than the card")
        (said,) = tradeoff.findings([self.cost(0, 1e-7, 0.9), self.cost(3, 5e-8, 0.9)])
        assert said.startswith("One chip gives no interval")

    def test_equal_cards_are_measured_once(self) -> None:
        cards = [json.dumps(dump(card)) for _, _, card in tradeoff.variants(memsim.ChipCard.load("default"))]
        assert len(cards) == len(set(cards)) > 25


class TestVariation:
    def kind(self, what: str, how: str, *right: float, part: str = "kind", time: float = DAY) -> Point:
        return at({"part": part, "what": what, "how": how, "time [s]": time}, right)

    def test_the_kind_with_the_largest_cross_entropy_alone_on_is_first(self) -> None:
        found = [
            self.kind(what, how, *right)
            for what, right in (
                ("drift", (0.7, 0.71)),
                ("converters", (0.9, 0.91)),
                ("programming", (0.8, 0.812)),
            )
            for how in ("alone on", "alone off")
        ]
        found += [self.kind("flicker-noise", "alone on", 0.1, 0.2)]  # the other half is not measured yet
        ranked = variation.ranking(found)
        assert [name for name, _, _ in ranked[DAY]] == ["drift", "programming", "converters"]
        found += [self.kind("nothing", "alone on", 0.95, 0.95, part="card")]
        rows = variation.tables(found)["kinds"].rows
        assert [row[1] for row in rows] == ["drift", "programming", "converters", "none of them"]
        (said,) = variation.findings(found)
        assert said.startswith("After 1 day drift (+0.245 [+0.181, +0.309] nat) adds most to")
        assert "not significant" not in said

    def test_a_first_place_that_is_not_sure_is_told(self) -> None:
        found = [
            self.kind(what, how, *right)
            for what, right in (("drift", (0.7, 0.9)), ("programming", (0.9, 0.71)))
            for how in ("alone on", "alone off")
        ]
        (said,) = variation.findings(found)
        assert said.endswith("The difference of the first two is not significant (95 %).")

    def test_what_time_does_not_change_is_measured_once_and_holds_at_all_times(self) -> None:
        card = memsim.ChipCard.load("default")
        setting = Setting(chips=1, images=1, card=dump(card))
        times: dict[str, list[float | None]] = {}
        for task in variation.tasks(setting):
            if (task.labels["part"], task.labels["how"]) == ("kind", "alone on"):
                times.setdefault(task.labels["what"], []).append(task.labels["time [s]"])
        assert times["drift"] == times["flicker-noise"] == list(variation.TIMES)
        assert times["converters"] == times["programming"] == times["attention writing"] == [None]
        found = [self.kind("drift", how, 0.7, 0.71) for how in ("alone on", "alone off")]
        found += [
            at({"part": "kind", "what": "converters", "how": "alone on", "time [s]": None}, (0.9, 0.91))
        ]
        found += [self.kind("converters", "alone off", 0.7, 0.71)]
        assert [name for name, _, _ in variation.ranking(found)[DAY]] == ["drift", "converters"]

    def test_spreads_are_scaled_from_what_the_card_has(self) -> None:
        card = memsim.ChipCard.load("default").replace(strengths={"drift": 3.0})
        found = {
            how: changed.strengths
            for part, what, how, changed, _ in variation.variants(card, DIGITS)
            if (part, what) == ("spread", "drift")
        }
        assert found == {"× 2": {"drift": 6.0}}

    def test_each_layer_is_in_one_group_and_no_kind_is_empty(self) -> None:
        groups = variation.layers(DIGITS).values()
        every = [layer for group in groups for layer in group]
        assert len(every) == len(set(every))
        for name in ("default",):
            kinds = variation.kinds(memsim.ChipCard.load(name))
            assert all(kinds.values())
            effects = [effect for group in kinds.values() for effect in group]
            assert sorted(effects) == sorted(memsim.ChipCard.load(name).effects)
        flat = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
        assert all(variation.kinds(flat).values())
        assert list(variation.variants(flat, DIGITS))


class TestAttention:
    def place(self, execution: str, group: str, name: str, *right: float) -> Point:
        labels = {"execution": execution, "group": group, "attention": name}
        found = at(labels | ({"time [s]": DAY} if execution == "crossbars" else {}), right)
        found.shared = {"card": CARD}
        if execution == "digital":  # a hundred images, the first of them answered rightly
            found.marks = {"accuracy [1]": [marks(torch.arange(100) < round(100 * share)) for share in right]}
        return found

    def test_writing_is_told_against_ideal_attention_on_the_same_chips(self) -> None:
        stdp = self.place("crossbars", "stdp", "as trained", 0.9, 0.8)
        ideal = self.place("crossbars", "cell", "ideal", 0.91, 0.82)
        (said,) = attention.findings([ideal, stdp])
        assert said == (
            "Writing attention with pulses changes accuracy by −1.50 [−7.85, +4.85] points against ideal "
            "attention on the same chips, 1 day after programming."
        )
        cells = attention.tables([ideal, stdp])["cells"]
        assert [row[0] for row in cells.rows] == ["reram-om", "ideal"]
        assert [row[3] for row in cells.rows] == ["", "+1.50 [−4.85, +7.85]"]
        assert cells.header[3] == "change, accuracy [points]"

    @pytest.mark.parametrize(
        ("ours", "verdict"),
        [(0.99, "better than"), (0.5, "worse than"), (0.9, "not significantly different from")],
    )
    def test_the_best_rival_is_beaten_or_not(self, ours: float, verdict: str) -> None:
        found = [
            self.place("digital", "trained", *one) for one in (("stdp", ours), ("dot", 0.89), ("rate", 0.4))
        ]
        (said,) = attention.findings(found)
        assert f" is {verdict} the best other attention, dot (89.00 " in said

    def test_digital_runs_have_no_number_of_chips(self) -> None:
        tables = attention.tables(made("attention"))
        assert "chips" not in tables["digital"].header and "chips" in tables["crossbars"].header
        assert tables["rivals"].title == "Accuracy on the harder set [%] with each attention"


class TestCountermeasures:
    @staticmethod
    def measure(what: str, mismatch: float, part: str = "measure", **values: Any) -> Point:
        labels = {"cell": "reram-om", "part": part, "what": what, "how": ""}
        point = at(labels, [0.9, 0.91], **values)
        point.per_chip["spike mismatch [1]"] = [mismatch, mismatch + 0.001]
        point.per_chip["cross-entropy [nat]"] = [0.3, 0.3]
        return point

    def test_the_best_is_what_can_be_built_with_the_fewest_spikes_that_differ(self) -> None:
        found = [
            self.measure("ideal writing", 0.01, part="effect"),
            self.measure("without", 0.06, pulses=100.0),
            self.measure("gain of each word line", 0.05, pulses=100.0),
            self.measure("4 devices, every pulse to all", 0.04, pulses=400.0),
            self.measure("counts of each device's own (upper bound)", 0.02, pulses=90.0),
        ]
        row = countermeasures.tables(found)["best"].rows[0]
        assert "4 devices, every pulse to all" in row and "4.00" in row
        loss, gain = countermeasures.findings(found)
        assert "+5.00" in loss and "lowers" in gain and "−2.00" in gain and "4.00 × the pulses" in gain

    def test_every_cell_is_asked_the_first_question_before_any_the_second(self) -> None:
        parts = [(t.labels["cell"], t.labels["part"], t.labels["how"]) for t in _tasks("countermeasures")]
        second = next(i for i, (_, part, how) in enumerate(parts) if part == "effect" and how)
        assert {cell for cell, *_ in parts[:second]} == set(countermeasures.pulsed())


def _tasks(study: str) -> list[Task]:
    return list(load(study).tasks(Setting(card=CARD, chips=2)))


class TestLifetime:
    @staticmethod
    def worn(consumed: float, *right: float, stuck: float = 0.5, **values: Any) -> Point:
        labels = {
            "endurance consumed [1]": consumed,
            "failed cells [1]": consumed / 2,
            "stuck high [1]": stuck,
        }
        return at(labels, right, **values)

    def test_what_holds_what_is_lost_and_how_long_by_hand(self) -> None:
        new = {"attention cycles": 8.0, "pulses": 100.0, "silent pulses": 40.0, "silent cycles": 1.6}
        new |= {"energy [J]": 4e-7, "breakdown [J]": {"attention pulses": 1e-7}}
        found = [
            self.worn(0.3, 0.5, 0.51), self.worn(0.1, 0.9, 0.905), self.worn(0.0, 0.9, 0.91, **new),
            self.worn(0.03, 0.8, 0.7, stuck=1.0), self.worn(1.0, 0.9, 0.91),
        ]  # fmt: skip
        assert lifetime.kept(found) is found[1]
        held, lived, silent = lifetime.findings(found)
        assert held == (
            "No significant loss up to 10 % of the endurance, 5.0 % failed; at 30 % of the endurance, 15.0 % "
            "failed, accuracy changes by −40.00 points (equal on all chips)."
        )
        assert "ReRAM 1.25 s (usual) to 1.4 days (best)" in lived
        assert "40 % of the pulses, 40.0 nJ of 400 nJ" in silent and "20 % of the cycles" in silent
        assert "1.25 times as long" in silent
        rows = {(row[0], row[1]): row for row in lifetime.tables(found)["lives"].rows}
        assert rows["ReRAM", "usual"][2:] == ["1e+04", "1.2e+03", "20.8 minutes", "41.7 s", "1.25 s"]

    def test_new_chips_alone_and_a_loss_at_the_lowest_wear_are_told_apart(self) -> None:
        new, worn = self.worn(0.0, 0.9, 0.91), self.worn(0.1, 0.5, 0.51)
        assert lifetime.findings([new])[0] == "No worn chips have been measured yet."
        assert lifetime.findings([new, worn])[0].startswith(
            "The loss is significant at the lowest wear; at 10 %"
        )

    def test_the_same_chips_wear_along_one_path_and_new_ones_are_measured_once(self) -> None:
        wear = [task.shared["card"]["wear"] for task in _tasks("lifetime")]
        assert [w["cycles_before"] for w in wear].count(0.0) == 1 and len(wear) == 16
        assert {w["stuck_high"] for w in wear} == {0.0, 0.5, 1.0}

    def test_ideal_cells_do_not_wear(self) -> None:
        card = dump(memsim.ChipCard.load("default").replace(attention={"cell": "ideal"}))
        with pytest.raises(ValueError, match="ideal attention cells do not wear"):
            list(load("lifetime").tasks(Setting(card=card)))


class TestDraw:
    def test_cells(self) -> None:
        two, one, same = at({}, [0.9, 0.92]), at({}, [0.9]), at({}, [0.9, 0.9])
        assert draw.cell(two.estimate("accuracy [1]"), "accuracy [1]") == "91.00 [78.29, 100.00]"
        assert draw.cell(one.estimate("accuracy [1]"), "accuracy [1]") == "90.00 [82.56, 94.48]"
        for point in (one, same):
            assert draw.cell(point.estimate("cross-entropy [nat]"), "cross-entropy [nat]") == "0.100"
        one.per_chip["margin [1]"], one.per_chip["time [s]"] = [-0.25], [1.234e-6]
        assert draw.cell(one.estimate("margin [1]"), "margin [1]") == "−0.250"
        assert draw.cell(one.estimate("time [s]"), "time [s]") == "0.00000123"

    def test_names(self) -> None:
        assert draw.said("harder accuracy [1]") == "accuracy on the harder set"
        assert draw.said("spike mismatch [1]") == "spikes that differ"
        assert draw.heading("harder cross-entropy [nat]") == "Cross-entropy on the harder set [nat]"
        assert draw.heading("accuracy [1]") == "Accuracy [%]"
        assert draw.heading("gain [dB]") == "Gain [dB]"

    def test_a_users_own_measures_are_shown(self) -> None:
        found = [
            Point(
                labels={"bits": n},
                chips=[0, 1],
                per_chip={"gain [1]": [3.0 * n, 5.0 * n]},
                total={"note": "x"},
            )
            for n in (1, 2)
        ]
        table = draw.tables(found)["points"]
        assert table.header == ["", "gain [1]", "chips", "chips to halve"]
        assert [row[:2] for row in table.rows] == [
            ["bits 1", "4.00 [−8.71, 16.7]"],
            ["bits 2", "8.00 [−17.4, 33.4]"],
        ]
        full(draw.figures(found))
        bare = [Point(labels={"n": 1}, chips=[0], total={"x": 0.5, "name": "y"})]
        assert draw.tables(bare)["points"].rows == [["n 1", "0.500"]] and draw.figures(bare) == {}
        assert draw.tables([]) == draw.figures([]) == {}

    def test_bars_are_drawn_for_intervals_alone(self) -> None:
        def bars(point: Point) -> int:
            ax = Figure().subplots()
            draw.bar(ax, point.estimate("cross-entropy [nat]"), 0, "cross-entropy [nat]")
            return len(ax.collections)

        assert [bars(at({}, right)) for right in ([0.9], [0.9, 0.9], [0.9, 0.8])] == [0, 0, 1]
