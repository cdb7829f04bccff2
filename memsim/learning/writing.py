"""Two ways from gradients to pulses: at once, or through a digital accumulator.

    direct        n = stochastic whole number of -rate dE/dW / step, at every update
    accumulated   chi <- chi - rate dE/dW;  n = whole steps in chi;  chi <- chi - n step

Accumulated is the mixed precision of Nandakumar et al. (Front. Neurosci. 14, 406, 2020): a pulse is sent when
a whole one is due, so that what is smaller than a step adds up and noise of gradients cancels before it is
written.  The accumulator does not know what a pulse really did; the next gradients do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from memsim.learning.learning_array import LearningArray


class Writing(ABC):
    """A way of writing the gradients of arrays, of all chips at once.

    rate: weights a unit of gradient, for every array.
    """

    def __init__(self, rate: float) -> None:
        if not 0 < rate < 1e6:
            raise ValueError(f"rate = {rate}: a learning rate above 0")
        self.rate = rate

    @abstractmethod
    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        """Bring a gradient (S, R, C), the sum over `vectors` outer products a chip, into an array."""


class Direct(Writing):
    """Every update is sent as pulses."""

    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        array.update(-self.rate * gradient)


class Accumulated(Writing):
    """Updates add up digitally, with momentum; whole pulses are sent."""

    def __init__(self, rate: float, momentum: float = 0.0) -> None:
        super().__init__(rate)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum = {momentum}: 0 to below 1")
        self.momentum = momentum
        self.due: dict[str, Tensor] = {}  #: chi of each array
        self.moved: dict[str, Tensor] = {}

    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        if self.momentum:
            before = self.moved.get(array.name)
            gradient = gradient if before is None else self.momentum * before + gradient
            self.moved[array.name] = gradient
        due = self.due.get(array.name, torch.zeros_like(gradient)) - self.rate * gradient
        array.work.accumulated(gradient.numel(), vectors)
        self.due[array.name] = due - array.update(due, rounding="down")
