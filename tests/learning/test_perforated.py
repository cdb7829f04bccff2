"""Spare columns: they learn what their neurons get wrong, and nothing flows back through them."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from memsim.learning.learning_chip import learners
from memsim.learning.perforated import correlation, joined, owners
from memsim.learning.writing import Accumulated
from memsim.models.learning.dendrites import Spare, SpareColumns, SpareLesson
from tests.learning.made import IDEAL, card

ECRAM = card("ecram-li")


def data(count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that no line parts: the sign of a product."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, 3, generator=generator) * 2 - 1
    return x, (x[:, 0] * x[:, 1] > 0).long()


def lesson(spare: Spare, columns: int, cell: object = ECRAM, chip: int = 0, rate: float = 0.3) -> SpareLesson:
    """A read-out of three features and two classes."""
    return SpareLesson.on(cell, spare, columns, 3, 2, Accumulated(rate, momentum=0.5), chip=chip)  # type: ignore[arg-type]


def test_correlation_is_the_covariance_and_its_gradient_that_of_the_formula() -> None:
    torch.manual_seed(0)
    x, u = torch.randn(2, 9, 4, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    errors = torch.randn(2, 9, 6, dtype=torch.float64, requires_grad=True)
    u.requires_grad_()
    h = (x @ u).tanh()
    found = correlation(h, errors)
    for s in range(2):
        for d in range(6):
            known = np.cov(h[s, :, d].detach(), errors[s, :, d].detach(), bias=True)[0, 1]
            assert float(found[s, d].detach()) == pytest.approx(abs(known), abs=1e-12)
    found.sum().backward()
    centred = errors.detach() - errors.detach().mean(1, keepdim=True)
    sign = (h.detach() * centred).mean(1, keepdim=True).sign()
    known = (x.mT @ (sign * centred * (1 - h.detach() ** 2) / 9)).sum(0)
    assert torch.allclose(u.grad, known, atol=1e-12)  # type: ignore[arg-type]
    assert errors.grad is None  # what a column learns from is a constant


def test_columns_are_dealt_out_to_neurons() -> None:
    assert owners(6, 3).tolist() == [0, 1, 2, 0, 1, 2]
    assert joined(4, 2).tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    with pytest.raises(ValueError, match="columns = 5: a multiple of the 3 neurons"):
        owners(5, 3)


def test_no_error_flows_through_spare_columns_to_earlier_layers() -> None:
    x, y = data()
    grads = []
    for columns in (0, 4):
        net = SpareColumns(3, 2, columns)
        net.begin(0, joints=True)
        features = x.clone().requires_grad_()
        out = net(features)
        wrong = torch.nn.functional.one_hot(y, 2) - 0.5  # any error of the outputs
        (out[:, :2] * wrong).sum().backward()
        grads.append(features.grad)
    assert torch.equal(grads[0], grads[1]) and grads[0].any()  # type: ignore[union-attr,arg-type]


def weights(made: SpareLesson) -> dict[str, torch.Tensor]:
    return {name: array.weights()[0].clone() for name, array in learners(made.learner.chip).items()}


def test_the_middle_third_teaches_columns_alone_and_raises_their_correlation() -> None:
    x, y = data()
    made = lesson("perforated", 4)
    for _ in range(10):
        made._batch(x, y, 0)
    first = weights(made)
    values = []
    for _ in range(20):
        values.append(made.learner.descend(x, lambda out: made._residual(out, y), made._arrays("dendrites")))
    middle = weights(made)
    assert values[-1] < 1.5 * values[0] < 0  # descends minus the correlation
    assert torch.equal(middle["soma"], first["soma"]) and torch.equal(middle["joints"], first["joints"])
    assert not torch.equal(middle["dendrites"], first["dendrites"])
    for _ in range(10):
        made._batch(x, y, 2)
    last, own = weights(made), joined(4, 2).bool()
    assert torch.equal(last["dendrites"], middle["dendrites"])
    changed = last["joints"] != middle["joints"]
    assert changed[own].all() and not changed[~own].any()


def test_columns_as_drawn_are_never_taught() -> None:
    x, y = data()
    made = lesson("random", 4)
    before = weights(made)
    made.teach(x, y, epochs=2, batch=20)
    after = weights(made)
    assert torch.equal(after["dendrites"], before["dendrites"])
    assert not torch.equal(after["joints"], before["joints"])


@pytest.mark.parametrize("cell", [IDEAL, ECRAM], ids=["ideal", "ecram"])
@pytest.mark.parametrize("spare", ["perforated", "ordinary"])
def test_columns_learn_what_no_line_parts(spare: Spare, cell: object) -> None:
    x, y = data()
    entropy = {}
    for kind, columns in (("none", 0), (spare, 8)):
        made = lesson(kind, columns, cell)  # type: ignore[arg-type]
        made.teach(x, y, epochs=40, batch=20)
        entropy[kind] = float(cross_entropy(made.logits(x)[0], y))
    assert entropy[spare] < entropy["none"] - 0.1


def test_chips_have_lessons_of_their_own_that_come_again() -> None:
    x, y = data()
    found = []
    for chip in (0, 1, 1):
        made = lesson("perforated", 2, chip=chip)
        made.teach(x, y, epochs=1, batch=20)
        found.append(made.logits(x))
    assert torch.equal(found[1], found[2]) and not torch.equal(found[0], found[1])


def test_slips_are_named() -> None:
    with pytest.raises(ValueError, match="columns = 0 with spare = 'perforated': 'none' needs 0 columns"):
        lesson("perforated", 0)
    with pytest.raises(ValueError, match="columns = 4 with spare = 'none'"):
        lesson("none", 4)
    with pytest.raises(ValueError, match="columns = 3: a multiple of the 2 neurons"):
        lesson("ordinary", 3)
