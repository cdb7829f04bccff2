"""Which tensors hold nothing of a network's input: what could be known before it comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from memsim.energy.operations import Call, tensors


class Constants:
    """The memory of tensors known beforehand; a view shares it with what it is a view of.

    At first parameters and buffers.  A buffer in which a module keeps its state counts as known until an
    operation has written to it.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        self._held: dict[int, StorageWeakRef] = {}
        self._hold(known)

    def hold(self, tensor: Tensor) -> bool:
        """Return whether a tensor is known beforehand."""
        try:
            return tensor.untyped_storage()._cdata in self._held
        except NotImplementedError:  # a tensor without memory of its own, such as a sparse one
            return False

    def hold_value(self, value: Any) -> bool:
        """Return whether every tensor in a value is known beforehand; plain numbers are."""
        return all(self.hold(tensor) for tensor in tensors(value))

    def forget(self, written: Iterable[Tensor]) -> None:
        """What has been written to depends on the input from here on."""
        for tensor in written:
            if self.hold(tensor):
                del self._held[tensor.untyped_storage()._cdata]

    def learn(self, call: Call, from_tensors: bool, images: int) -> None:
        """Take in what an operation made from known tensors, or from none.

        Memory that is not filled yet is not known: other code may fill it.  Nor is a new tensor with an axis
        of the images: a state begins.
        """
        made = list(tensors(call.out))
        if call.name.startswith(("empty", "new_empty")):
            return
        fresh = not from_tensors or call.name.startswith("new_")
        if fresh and any(images in tensor.shape for tensor in made):
            return
        self._hold(made)

    def _hold(self, known: Iterable[Tensor]) -> None:
        for tensor in known:
            try:
                storage = tensor.untyped_storage()
            except NotImplementedError:
                continue
            self._held[storage._cdata] = StorageWeakRef(storage)
