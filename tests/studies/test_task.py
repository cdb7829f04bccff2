"""A task is a value: whatever differs in it differs in its name; the same has the same name for ever."""

import math
from dataclasses import replace
from typing import Any

import pytest

from memsim.studies.evaluation.identity import digest, point
from memsim.studies.running.task import Task, blocks

TASK = Task(
    study="s", labels={"bits": 4, "time [s]": 1.0}, shared={"chips": [0, 1], "card": {"a": 1}}, own={"t": 2}
)


@pytest.mark.parametrize(
    "change",
    [
        {"study": "t"},
        {"labels": {"bits": 5, "time [s]": 1.0}},
        {"labels": {"bits": 4}},
        {"shared": {"chips": [0, 2], "card": {"a": 1}}},
        {"shared": {"chips": [0, 1], "card": {"a": 2}}},
        {"own": {"t": 3}},
        {"own": {}},
    ],
    ids=str,
)
def test_a_change_of_anything_is_another_task(change: dict[str, Any]) -> None:
    other = replace(TASK, **change)
    assert other.id != TASK.id
    assert (other.share == TASK.share) == ("shared" not in change)


def test_the_order_of_keys_is_nothing() -> None:
    turned = replace(TASK, labels={"time [s]": 1.0, "bits": 4}, shared={"card": {"a": 1}, "chips": [0, 1]})
    assert turned.id == TASK.id and turned.share == TASK.share and point(turned.labels) == point(TASK.labels)


def test_names_do_not_change_with_the_version() -> None:
    """SHA-256 of canonical JSON: {"a":[1,2.5,"µ"],"b":null}."""
    assert digest({"b": None, "a": [1, 2.5, "µ"]}) == "da58bde82fa3ddbb"
    assert len(TASK.id) == 16 and TASK.id == TASK.id.lower()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_no_word_for_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        _ = replace(TASK, own={"t": bad}).id
    with pytest.raises(TypeError):
        digest({"x": object()})


def test_blocks_keep_their_places() -> None:
    assert list(blocks(10)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(blocks(3, 2)) == [[0, 1], [2]]
    assert list(blocks(0)) == []
    for chips in range(4, 40, 4):
        assert list(blocks(chips + 4))[: chips // 4] == list(blocks(chips))
    assert [chip for block in blocks(13) for chip in block] == list(range(13))


def test_a_point_of_lists_can_be_a_key() -> None:
    assert {point({"digital": ["head"], "n": 1}): 1} == {(("digital", '["head"]'), ("n", 1)): 1}
