"""The study of learning: layers begin anew, lessons have costs, and shares are of backpropagation's."""

from typing import Any

import pytest
import torch

import memsim
from memsim import models
from memsim.studies.evaluation import lesson
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.library import learning

CARD = dump(memsim.ChipCard.load("default"))


def test_layers_that_learn_begin_anew_and_others_stay() -> None:
    net = models.load("s2tdpt-digits")
    made = lesson.begun_anew(net, ["blocks.1.*", "head"], seed=0)
    before, now = net.state_dict(), made.state_dict()
    for name, tensor in now.items():
        learns = name.startswith(("blocks.1.", "head."))
        assert torch.equal(tensor, before[name]) != learns, name
    drawn = now["blocks.1.attention.q.linear.weight"]
    assert float(drawn.abs().max()) <= 1 / 8 and float(drawn.std()) == pytest.approx(1 / 8 / 3**0.5, rel=0.03)
    assert not now["head.bias"].any() and (now["blocks.1.attention.q.norm.weight"] == 1).all()
    again = lesson.begun_anew(net, ["blocks.1.*", "head"], seed=1).state_dict()
    assert not torch.equal(again["head.weight"], now["head.weight"])


def test_a_lesson_is_taught_asked_and_billed() -> None:
    setting = Setting(card=CARD, chips=2, images=20)
    task = next(t for t in learning.tasks(setting) if t.labels["cell"] == "pcm-nandakumar2020")
    taught = task.shared["lesson"] | {"images": 64, "epochs": 1}
    prepared = learning.prepare({**task.shared, "lesson": taught})
    found = [learning.measure(prepared, {"time [s]": time}) for time in learning.TIMES]
    columns = [result.per_chip["cross-entropy [nat]"] for result in found]
    assert len(columns[0]) == 2 and columns[0] != columns[1]  # a day of drift
    assert columns[0][0] != columns[0][1]
    total = found[0].total
    assert total["images taught"] == 64
    assert 0 < total[lesson.PULSES] < total[lesson.MOST] and 0 < total[lesson.SPENT] < 1e-2
    assert 0 < total[lesson.PULSE_ENERGY] < total[lesson.TOTAL_ENERGY]
    assert prepared.end == pytest.approx(2e-3)


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="study learning: resnet18-8-fashion is not an S2TDPT network"):
        list(learning.tasks(Setting(model="resnet18-8-fashion", card=CARD)))


def point(cell: str, rule: str, accuracy: float, **total: Any) -> Point:
    """A head that learned, on two chips."""
    labels = {"layers": "head", "cell": cell, "rule": rule, "writing": "accumulated", "time [s]": 0.0}
    found = {"accuracy [1]": [accuracy - 0.01, accuracy + 0.01], "cross-entropy [nat]": [0.3, 0.2]}
    return Point(labels, [0, 1], found, {"images": 450, **total})


def test_shares_are_of_backpropagation_on_ideal_cells() -> None:
    points = [point("ideal", "bptt", 0.8), point("ecram-li", "e-prop", 0.72)]
    rows = learning.tables(points)["learned"].rows
    assert [row[1] for row in rows] == ["ideal, bptt", "ecram-li, accumulated"]
    assert [row[4] for row in rows] == ["100.0", "90.0"]
    assert learning.findings(points)[1].startswith(
        "Learning the head on ecram-li, accumulated: accuracy 72.00"
    )
    assert learning.tables(points[1:])["learned"].rows[0][4] == ""  # nothing to compare with
