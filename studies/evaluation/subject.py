"""The network that a comparison or a study is about: bundled, a checkpoint, a user's file's, or given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from memsim import models
from memsim.models.registry import BUNDLED
from memsim.studies.evaluation.identity import tensors_digest
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.setting import Setting


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """A network with what is known of its training."""

    title: str  #: as a report names it
    net: nn.Module
    calibration: Tensor | None = None  #: training inputs (n, ...) that set the converters' ranges
    dataset: str | None = None  #: name of the data set it was trained on

    @classmethod
    def given(cls, net: nn.Module) -> Subject:
        """Return a network that is there, named by its class."""
        own = net.calibration_images if isinstance(net, models.Network) else None
        return cls(type(net).__name__, net, own, models.dataset_of(net))

    @classmethod
    def load(cls, model: str) -> Subject:
        """Load a bundled network or a checkpoint; ValueError says what is wrong with it."""
        net = models.load(model)
        return cls(model, net, net.calibration_images, models.dataset_of(net))

    @classmethod
    def made(cls, file: NetFile) -> Subject:
        """Run the function of a user's file; ValueError says what went wrong in it."""
        net, calibration = file.make()
        return cls(file.title, net, calibration)

    @classmethod
    def of(cls, setting: Setting) -> Subject:
        """Return the network of a setting."""
        return cls.load(setting.model) if setting.net is None else cls.made(setting.net)

    def on(self, dataset: str | None) -> str:
        """Return the data set to run on: the named one, else that of the training; ValueError for none."""
        found = dataset or self.dataset
        if found is None:
            raise ValueError(
                f"{self.title} has no training record that names its data set; name one with --dataset "
                "(in Python: data=), by name or as an .npz file"
            )
        return found


def refuse_foreign(setting: Setting, study: str, reason: str) -> None:
    """Raise ValueError where a study that needs one of memsim's own networks is given a user's file."""
    if setting.net is not None:
        raise ValueError(f"study {study} cannot run on --net {setting.net.title}: {reason}")


def network_form(setting: Setting, change: Mapping[str, Any], others: list[str]) -> dict[str, Any]:
    """Return a setting's network as a task holds it: by the content of its file, and of those a change
    loads.
    """
    if setting.net is None:
        digests = [file_digest(name) for name in (setting.model, *others)]
        joined = digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()[:16]
        return {"model": setting.model, "digest": joined, "change": dict(change)}
    if change:
        raise ValueError(
            f"--net {setting.net.title}: {', '.join(change)} can be changed in memsim's own networks only"
        )
    form = {"model": setting.net.title, "digest": weights_digest(setting.net), "change": {}}
    return form | {"file": setting.net.task_form()}


@lru_cache(maxsize=4)
def weights_digest(file: NetFile) -> str:
    """Return the digest of every weight and calibration input that a user's file gives."""
    net, calibration = file.make()
    return tensors_digest([*net.state_dict().items(), ("calibration", calibration)])


def net_digest(net: nn.Module) -> str:
    """Return the digest of every weight and buffer that a network has."""
    named = net.state_dict().items()
    return tensors_digest((name, one) for name, one in named if isinstance(one, Tensor) and not is_lazy(one))


def file_digest(model: str) -> str:
    """Sixteen hex digits of a checkpoint file's SHA-256: another training is another task."""
    path = BUNDLED / f"{model.lower()}.safetensors"
    path = path if path.is_file() else Path(model)
    return _file_digest(str(path), path.stat().st_mtime_ns) if path.is_file() else ""


@lru_cache(maxsize=16)
def _file_digest(path: str, _: int) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:16]
