"""Two ways to turn gradients into pulses: directly, or through a digital accumulator.

    direct        n = stochastic_round(-rate dE/dW / step) at every update
    accumulated   chi <- chi - rate dE/dW;  n = trunc(chi / step);  chi <- chi - n step

step is the nominal change of a weight by one pulse.  The second way is the mixed-precision training of
Nandakumar et al. (Front. Neurosci. 14, 406, 2020): changes smaller than one step add up, and the noise of the
gradients averages out before it is written.  The accumulator subtracts the nominal change of the pulses; the
error of the actual change enters the following gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from memsim.learning.learning_array import LearningArray


class Writing(ABC):
    """Method of writing gradients into arrays, for all chips at once.

    rate: learning rate, the same for all arrays, above 0 and below 1e6.  Raises ValueError outside that
    range.
    """

    def __init__(self, rate: float) -> None:
        if not 0 < rate < 1e6:
            raise ValueError(f"rate = {rate}: a learning rate above 0 and below 1e6 is needed")
        self.rate = rate

    @abstractmethod
    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        """Apply a gradient dE/dW (S, R, C), a sum of `vectors` outer products on each chip, to an array.

        Raises what `LearningArray.update` raises.
        """


class Direct(Writing):
    """Method that sends every update as pulses, rounded stochastically."""

    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        array.update(-self.rate * gradient)


class Accumulated(Writing):
    """Method that accumulates updates digitally, with optional momentum, and sends whole pulses only.

    momentum: 0 to below 1.  Raises ValueError outside that range.
    """

    def __init__(self, rate: float, momentum: float = 0.0) -> None:
        super().__init__(rate)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum = {momentum}: a value from 0 to below 1 is needed")
        self.momentum = momentum
        self.due: dict[str, Tensor] = {}  #: accumulated change chi of each array, by its name
        self.moved: dict[str, Tensor] = {}  #: gradient of each array, averaged by momentum

    def write(self, array: LearningArray, gradient: Tensor, vectors: int) -> None:
        if self.momentum:
            before = self.moved.get(array.name)
            gradient = gradient if before is None else self.momentum * before + gradient
            self.moved[array.name] = gradient
        due = self.due.get(array.name, torch.zeros_like(gradient)) - self.rate * gradient
        array.work.accumulated(gradient.numel(), vectors)
        self.due[array.name] = due - array.update(due, rounding="down")
