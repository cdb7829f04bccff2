"""NeuroBench's view of a network, digital and on a chip: models, and metrics it has no words for.

Importing this file needs the package neurobench. Source: Yik et al., Nat. Commun. 16:1545 (2025); 2.3.
"""

from abc import ABC, abstractmethod
from typing import Any, final

import torch
from torch import Tensor, nn

import memsim
from memsim.models.datasets.dataset import time_first
from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.neurons import LIF

try:
    from neurobench.metrics.abstract import AccumulatedMetric  # type: ignore[import-not-found]
    from neurobench.models import NeuroBenchModel  # type: ignore[import-not-found]
except ImportError as error:
    raise ImportError(f"NeuroBench exchange needs it: pip install neurobench ({error})") from None


@final
class NetworkModel(NeuroBenchModel):
    """A network in digital execution: images (B, C, h, w), or event frames (B, T, C, h, w), -> logits.

    NeuroBench's own metrics work on it, its hooks see memsim's LIF layers. They count convolutions and linear
    layers alone: products of attention are in `AttentionOperations`.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net.eval()
        self.add_activation_module(LIF)
        self.attention: dict[str, float] = {}

    def __call__(self, batch: Tensor) -> Tensor:
        self.attention = {}
        cores = [module for module in self.net.modules() if isinstance(module, AbstractAttention)]
        hooks = [core.register_forward_hook(self._attended) for core in cores]
        try:
            with torch.no_grad():
                return self.net(time_first(batch))
        finally:
            for hook in hooks:
                hook.remove()

    def __net__(self) -> nn.Module:
        return self.net

    def _attended(self, module: Any, inputs: tuple, output: Tensor) -> None:
        """Add the work of one call of an attention core."""
        for event, number in module.events(inputs, output).items():
            self.attention[event] = self.attention.get(event, 0.0) + number


@final
class ChipModel(NeuroBenchModel):
    """A network on one programmed chip: inputs and logits as `NetworkModel`.

    Its layers are arrays, which NeuroBench's hooks do not see; metrics that need them are refused. Take
    `ClassificationAccuracy` and those of this file. The chip's own ledger is left as it is.
    """

    def __init__(self, chip: memsim.Chip):
        super().__init__()
        if len(chip.chips) != 1:
            raise ValueError(f"NeuroBench measures one device, not {len(chip.chips)}: pass chips=1")
        self.chip, self.net = chip, chip.digital()
        self.dtype = next(self.net.parameters()).dtype  #: float64 where the card is ideal
        self.found: dict[str, Any] = {}

    def __call__(self, batch: Tensor) -> Tensor:
        x = time_first(batch)
        with torch.no_grad(), self.chip.ledger.apart():
            logits = self.chip(x)[0]
            self.found = {"energy [J]": self.chip.ledger.energy, "operations": self._operations()}
        with torch.no_grad():
            same = self.net(x.to(self.dtype)).argmax(-1) == logits.argmax(-1)
        self.found["agreement"] = float(same.double().mean())
        return logits

    def __net__(self) -> nn.Module:
        return self.net

    def register_hooks(self) -> None:
        raise ValueError(
            "a chip's layers are arrays, which NeuroBench's hooks do not see: leave out the metrics that "
            "need hooks, and take CrossbarOperations, CrossbarEnergy and Agreement"
        )

    def _operations(self) -> dict[str, float]:
        """Row drives x columns for an image: additions where rows carry spikes, products behind a DAC."""
        book = self.chip.ledger
        out = {"Effective_MACs": 0.0, "Effective_ACs": 0.0}
        for name, array in self.chip.weight_arrays.items():
            met = book.number("row-drive", name) / array.column_tiles * array.columns
            out["Effective_MACs" if book.number("dac-conversion", name) else "Effective_ACs"] += met
        return out


class _Mean(AccumulatedMetric, ABC):
    """A metric that is the mean over all samples of what a model found for each batch, key by key.

    ValueError for a model of the other execution; NeuroBench's runner prints it and puts 0.0 there.
    """

    needs: type[NeuroBenchModel]

    def __init__(self) -> None:
        super().__init__(requires_hooks=False)
        self.reset()

    def reset(self) -> None:
        """Forget everything measured so far."""
        self.sums: dict[str, float] = {}
        self.samples = 0

    def __call__(self, model: Any, preds: Tensor, data: tuple) -> Any:
        if not isinstance(model, self.needs):
            name, given = type(self).__name__, type(model).__name__
            raise ValueError(f"{name} is of a {self.needs.__name__}, given: {given}")
        number = len(data[0])
        for key, value in self.of(model, number).items():
            self.sums[key] = self.sums.get(key, 0.0) + value * number
        self.samples += number
        return self.compute()

    @abstractmethod
    def of(self, model: Any, number: int) -> dict[str, float]:
        """Return what is measured for each sample of a batch of `number`."""

    def compute(self) -> Any:
        """Return the mean over all samples so far."""
        return {key: value / self.samples for key, value in self.sums.items()}


@final
class AttentionOperations(_Mean):
    """Digital work of attention cores for a sample, which NeuroBench does not see, by memsim's events."""

    needs = NetworkModel

    def of(self, model: NetworkModel, number: int) -> dict[str, float]:
        return {event: value / number for event, value in model.attention.items()}


@final
class CrossbarOperations(_Mean):
    """Row drives x columns of the weight arrays for a sample, by NeuroBench's names."""

    needs = ChipModel

    def of(self, model: ChipModel, number: int) -> dict[str, float]:
        return model.found["operations"]


@final
class CrossbarEnergy(_Mean):
    """Energy of a sample on the chip [J], programming excluded; 0 for an ideal card, which has no prices."""

    needs = ChipModel

    def of(self, model: ChipModel, number: int) -> dict[str, float]:
        return {"energy [J]": model.found["energy [J]"]}


@final
class Agreement(_Mean):
    """Share of samples for which the chip's largest logit is the digital network's."""

    needs = ChipModel

    def of(self, model: ChipModel, number: int) -> dict[str, float]:
        return {"agreement": model.found["agreement"]}
