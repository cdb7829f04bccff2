"""Points: rows add up over chips whatever their order; intervals by hand; what is unknown stays so."""

import itertools
import math
from collections.abc import Callable, Sequence
from statistics import stdev
from typing import Any

import numpy as np
import pytest
import torch

from memsim.models.wilson import wilson
from memsim.studies.evaluation.intervals import chips_to_halve, over_chips
from memsim.studies.evaluation.points import Point, matching, points
from memsim.studies.evaluation.result import Result, flat
from memsim.studies.running.rows import plain
from tests.statistics import Z


def row(result: Any, chips: Sequence[int] = (0,), *, labels: Any = None, name: str = "") -> dict[str, Any]:
    """A row as the runner writes it, as far as points look at it."""
    found = {"id": name or str((chips, result)), "labels": labels or {"bits": 4}, "own": {}}
    found["shared"] = {"card": {}, "chips": list(chips)}
    return found | ({"failure": {"error": "no"}} if result is None else {"result": result.json()})


def result(right: list[float], **others: Any) -> Result:
    return Result(per_chip={"accuracy [1]": right}, total={"images": 100, **others})


def point(values: list[float], column: str = "accuracy [1]", **values_: Any) -> Point:
    found = {"images": 100, "harder images": 400, **values_}
    return Point(labels={}, chips=list(range(len(values))), per_chip={column: values}, total=found)


class TestAddingUp:
    def test_blocks_of_chips_are_one_point_in_any_order(self) -> None:
        def energy(joule: float) -> dict[str, Any]:
            return {"energy [J]": joule, "breakdown [J]": {"ADC": joule / 2, "DAC": 0.25}, "note": "text"}

        first = row(result([0.5, 0.75], **energy(1.0)), [0, 1], name="b")
        second = row(result([0.25, 0.5, 1.0, 0.0], **energy(4.0)), [2, 3, 4, 5], name="a")
        other = row(result([0.125]), labels={"bits": 8})
        whole = row(result([0.5, 0.75, 0.25, 0.5, 1.0, 0.0], **energy(3.0)), range(6))
        for rows in itertools.permutations([first, second, other]):
            found, expected = points(rows), points([whole, other])
            for one in (*found, *expected):
                one.shared = {}  # of the first row alone
            assert found == expected

    def test_points_stand_by_size_of_their_labels(self) -> None:
        rows = [row(result([0.5]), labels={"bits": bits}) for bits in (16, 4, "many", 8, 4.5)]
        assert [p.labels["bits"] for p in points(rows)] == [4, 4.5, 8, 16, "many"]

    def test_equal_chips_count_once(self) -> None:
        """More chips were asked for later: the last block of before is part of a new one."""
        rows = [
            row(result([0.5, 0.6], **{"energy [J]": 8.0}), [4, 5]),
            row(result([0.5, 0.6, 0.7, 0.8], **{"energy [J]": 8.0}), [4, 5, 6, 7]),
            row(result([0.5, 0.6], **{"energy [J]": 8.0}), [4, 5], name="again"),
        ]
        for some in itertools.permutations(rows):
            (found,) = points(some)
            assert found.chips == [4, 5, 6, 7]
            assert found.per_chip == {"accuracy [1]": [0.5, 0.6, 0.7, 0.8]}
            assert found.total["energy [J]"] == 8.0

    def test_failures_are_left_out(self) -> None:
        rows = [row(None), row(result([0.5]), [1]), row(None, labels={"bits": 8})]
        (found,) = points(rows)
        assert found.chips == [1] and found.labels == {"bits": 4}
        assert points([row(None)]) == points([]) == []

    def test_a_column_that_a_row_lacks_is_no_column(self) -> None:
        both = Result(per_chip={"accuracy [1]": [0.5, 0.6], "x": [1.0, 2.0]})
        (found,) = points([row(both, [0, 1]), row(result([0.7]), [2])])
        assert found.per_chip == {"accuracy [1]": [0.5, 0.6, 0.7]}

    def test_four_energies_by_time_step_on_four_chips_are_no_interval_over_chips(self) -> None:
        energies = [1e-9, 2e-9, 4e-9, 8e-9]
        whole = Result(per_chip={"accuracy [1]": [0.5] * 4}, series={"energy by step [J]": energies})
        (found,) = points([row(whole, range(4))])
        assert list(found.per_chip) == ["accuracy [1]"]
        assert found.series == {"energy by step [J]": energies}
        with pytest.raises(KeyError):
            found.estimate("energy by step [J]")

    def test_a_series_is_a_mean_over_chips(self) -> None:
        rows = [row(Result(series={"x": [1.0, 2.0]}), [0]), row(Result(series={"x": [4.0, 8.0]}), [1, 2])]
        for some in itertools.permutations(rows):
            assert points(some)[0].series == {"x": [3.0, 6.0]}

    def test_a_label_may_be_a_list(self) -> None:
        rows = [row(result([0.5]), [c], labels={"digital": d}) for c in (0, 1) for d in (["head"], [])]
        assert [p.labels["digital"] for p in points(rows)] == [["head"], []]

    def test_a_study_without_chips_is_a_point_too(self) -> None:
        lone = row(Result(total={"x": 0.5}))
        del lone["shared"]["chips"]
        (found,) = points([lone])
        assert found.chips == [0] and found.total == {"x": 0.5} and found.per_chip == {}

    def test_points_are_found_by_their_labels(self) -> None:
        some = [Point(labels={"cell": c, "time [s]": 1.0}) for c in "ab"]
        assert matching(some, cell="a") == some[:1] and matching(some, cell="a", how="x") == []


class TestResult:
    """Every number stands under the heading that says what it belongs to."""

    @pytest.mark.parametrize(
        ("made", "error", "told"),
        [
            (lambda: Result(per_chip={"x": [1.0], "y": [1.0, 2.0]}), ValueError, "'x': 1, 'y': 2"),
            (lambda: Result(per_chip={"x": 1.0}), TypeError, r"per_chip\['x'\] is a float, not a list"),  # type: ignore[dict-item]
            (lambda: Result(per_chip={"x": torch.ones(2)}), TypeError, r"a Tensor.*\.tolist\(\)"),  # type: ignore[dict-item]
            (lambda: Result(series={"x": ["a"]}), TypeError, "holds a str, not numbers alone"),  # type: ignore[dict-item]
            (lambda: Result(per_chip={"x": [True]}), TypeError, "holds a bool"),
            (lambda: Result(total={"x": [1.0]}), TypeError, "one value a chip belongs to per_chip, .*series"),
            (lambda: Result(total={"x": {"y": [1.0]}}), TypeError, "total\\['x: y'\\]"),
            (lambda: Result(total=[1.0]), TypeError, "total is a list, not a mapping; it takes per_chip="),  # type: ignore[arg-type]
        ],
    )
    def test_a_value_under_the_wrong_heading_is_refused_by_name(
        self, made: Callable[[], Result], error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            made()

    def test_columns_are_of_the_chips_that_the_task_names(self) -> None:
        assert plain(result([0.5, 0.6]), 2)["per_chip"] == {"accuracy [1]": [0.5, 0.6]}
        with pytest.raises(ValueError, match=r"columns of 2 values for 4 chips; .*shared\[\"chips\"\]"):
            plain(result([0.5, 0.6]), 4)
        assert plain(Result(total={"x": 1}), 4) == {"per_chip": {}, "total": {"x": 1}, "series": {}}

    def test_nested_names_are_joined(self) -> None:
        assert flat({"a": {"b": {"c": 1}, "d": {}}, "e": 2}) == {"a.b.c": 1, "a.d": {}, "e": 2}


class TestIntervals:
    def test_students_t_by_hand(self) -> None:
        """s of 1, 2, 3, 4 is 1.29099, t of 3 degrees 3.18245: 3.18245 x 1.29099 / 2."""
        found = over_chips([1.0, 2.0, 3.0, 4.0], share=False)
        assert found.mean == 2.5 and found.chips == 4
        assert (found.low, found.high) == pytest.approx((2.5 - 2.05426, 2.5 + 2.05426), abs=1e-5)

    def test_a_share_ends_at_0_and_1_and_nothing_else_does(self) -> None:
        assert point([0.999, 0.9]).estimate("accuracy [1]").high == 1.0
        assert point([0.001, 0.1], "spike mismatch [1]").estimate("spike mismatch [1]").low == 0.0
        assert point([0.999, 0.9], "margin [1]").estimate("margin [1]").high > 1
        assert point([3.0, 5.0], "gain [1]").estimate("gain [1]").high > 5

    def test_chips_to_halve(self) -> None:
        """t(7)/sqrt(8) = .83602; t(23)/sqrt(24) = .42227, t(24)/sqrt(25) = .41278: 25 chips."""
        assert [chips_to_halve(n) for n in (2, 8)] == [3, 25]
        assert over_chips([0.5, 0.6] * 4, share=True).halving == 25

        def width(n: int) -> float:
            """Of an interval, by the spread of its n values."""
            values = [float(value) for value in range(n)]
            found = over_chips(values, share=False)
            return (found.high - found.low) / stdev(values)

        for n in (3, 5, 30):
            assert width(chips_to_halve(n)) <= width(n) / 2 < width(chips_to_halve(n) - 1)

    def test_without_a_spread_it_is_wilsons_over_images(self) -> None:
        for values in ([0.93], [0.93, 0.93, 0.93]):
            found = point(values).estimate("accuracy [1]")
            assert (found.low, found.high) == wilson(93, 100) and found.halving is None and not found.alike
            hard = point(values, "harder accuracy [1]").estimate("harder accuracy [1]")
            assert (hard.low, hard.high) == wilson(372, 400)
        assert point([1.0]).estimate("accuracy [1]").high == 1.0

    def test_what_is_no_share_of_images_has_none(self) -> None:
        one = point([0.3], "cross-entropy [nat]").estimate("cross-entropy [nat]")
        assert (one.low, one.high) == (-math.inf, math.inf) and not one.alike
        same = point([0.3, 0.3], "cross-entropy [nat]").estimate("cross-entropy [nat]")
        assert same.alike and same.low == same.mean == same.high == 0.3

    def test_no_such_column_is_a_key_error(self) -> None:
        with pytest.raises(KeyError):
            point([0.5]).estimate("agreement [1]")

    def test_t_over_eight_chips_covers_95_percent_and_a_percentile_bootstrap_less(self) -> None:
        """Why intervals here are Student's: resampling eight chips forgets how little tells their spread."""
        rng = np.random.Generator(np.random.Philox(11))
        draws = rng.normal(0.0, 1.0, (2000, 8))
        ours = [over_chips(chips, share=False) for chips in draws.tolist()]
        covered = np.mean([e.low <= 0 <= e.high for e in ours])
        error = math.sqrt(0.95 * 0.05 / len(draws))
        assert abs(covered - 0.95) < Z * error
        again = draws[np.arange(len(draws))[:, None, None], rng.integers(0, 8, (len(draws), 250, 8))]
        low, high = np.quantile(again.mean(-1), (0.025, 0.975), axis=1)
        assert np.mean((low <= 0) & (high >= 0)) < 0.95 - Z * error


class TestPairs:
    def test_a_difference_by_hand(self) -> None:
        """Pairs .05 and .10 of chips 0 and 1: mean .075, s = .0353553, t of 1 degree 12.7062, / sqrt 2."""
        ours = Point(labels={}, chips=[0, 1, 7], per_chip={"accuracy [1]": [0.9, 0.8, 0.1]})
        theirs = Point(labels={}, chips=[1, 2, 0], per_chip={"accuracy [1]": [0.7, 0.1, 0.85]})
        found = ours.against(theirs, "accuracy [1]")
        assert found is not None and found.chips == 2
        assert (found.mean, found.low, found.high) == pytest.approx((0.075, -0.242655, 0.392655), abs=1e-6)
        assert found.high > 0.075 + 0.3 and found.low < 0

    def test_pairs_see_what_chips_hide(self) -> None:
        ours, theirs = point([0.2, 0.5, 0.81, 0.9]), point([0.19, 0.492, 0.8, 0.89])
        gain = ours.against(theirs, "accuracy [1]")
        assert gain is not None and gain.low > 0
        assert ours.estimate("accuracy [1]").low < theirs.estimate("accuracy [1]").high

    def test_a_difference_alike_on_every_chip_is_told_as_such(self) -> None:
        """0.93 - 0.92 and 0.95 - 0.94 are the same but for their last bits."""
        gain = point([0.93, 0.95]).against(point([0.92, 0.94]), "accuracy [1]")
        assert gain is not None and gain.alike and gain.mean == pytest.approx(0.01) and gain.halving is None

    def test_rounding_is_no_difference(self) -> None:
        third = 0.1 + 0.2
        gain = point([third, 0.5]).against(point([0.3, 0.5]), "accuracy [1]")
        assert gain is not None and (gain.low, gain.mean, gain.high) == (0.0, 0.0, 0.0)

    def test_one_pair_tells_no_interval_and_none_is_none(self) -> None:
        one = point([0.5]).against(point([0.4, 0.3]), "accuracy [1]")
        assert one is not None and one.mean == pytest.approx(0.1) and one.low == -math.inf
        other = Point(labels={}, chips=[9], per_chip={"accuracy [1]": [0.5]})
        assert point([0.5]).against(other, "accuracy [1]") is None
