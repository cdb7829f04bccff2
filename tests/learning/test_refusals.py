"""Shapes and numbers that do not belong together are refused by rules of learning, none is broadcast."""

import math

import pytest
import torch

from memsim.learning import delta_rule, eprop, perforated
from memsim.learning.learning_array import LearningDesign
from tests.learning.made import array

X, L = torch.ones(3, 2, 4), torch.ones(3, 2, 5)


@pytest.mark.parametrize(
    ("x", "error"),
    [(X, L[:2]), (X, L[:1]), (X, L[:, :1]), (X[:, :1], L), (X[0], L[0]), (X[:0], L[:0])],
)
def test_traces_and_errors_of_other_sizes_are_refused(x: torch.Tensor, error: torch.Tensor) -> None:
    for call in (lambda: eprop.change(x, error, 0.5), lambda: eprop.exact_change(x, error, error, 0.5)):
        with pytest.raises(ValueError, match=r"\(T, B, R\) and \(T, B, C\) are needed"):
            call()


def test_exact_traces_need_the_spikes_of_each_neuron_and_a_leak() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        eprop.exact_change(X, L, L[..., :1], 0.5)
    for decay in (-0.1, 2.0, math.nan):
        with pytest.raises(ValueError, match="0 to 1 is allowed"):
            eprop.exact_change(X, L, L, decay)


@pytest.mark.parametrize("labels", [[0, 5], [-1, 0], [0.0, 1.0]])
def test_labels_are_numbers_of_classes(labels: list) -> None:
    with pytest.raises(ValueError, match=r"labels must be whole numbers \(int64\) from 0 to 4"):
        delta_rule.error(torch.ones(2, 5), torch.tensor(labels))


@pytest.mark.parametrize("span", [0, -1, 1.5, math.nan])
def test_spans_are_refused_when_they_are_given(span: float) -> None:
    with pytest.raises(ValueError, match=r"span = .* above 0 and at most 1"):
        LearningDesign(span=span)


@pytest.mark.parametrize(("columns", "neurons"), [(0, 0), (4, 0), (-2, 2)])
def test_numbers_of_columns_and_neurons_are_possible(columns: int, neurons: int) -> None:
    with pytest.raises(ValueError, match="0 or more columns and 1 or more neurons"):
        perforated.owners(columns, neurons)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_pulses_that_are_no_number_leave_the_devices_as_they_are(bad: float) -> None:
    made = array("ecram-li", torch.rand(5, 4))
    before, none = made.weights().clone(), torch.zeros(len(made.run.chips), 5, 4)
    for up, down in ((none + bad, none), (none, none + bad)):
        with pytest.raises(ValueError, match="finite numbers of pulses"):
            made.pulse(up, down)
    assert torch.equal(made.weights(), before)
