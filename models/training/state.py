"""The stored state of a training after an epoch, and the identity that decides whether it may be resumed."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from memsim.models.datasets.dataset import Dataset
from memsim.models.networks.network import NetworkConfig
from memsim.models.tensor_file import digest, read, write
from memsim.models.training.recipe import Recipe
from memsim.models.training.run import Run
from memsim.models.training.teacher import identity as weights_of

FORMAT = "memsim-training-3"
Identity = dict[str, str]


def identity_of(
    dataset: Dataset,
    network: NetworkConfig | nn.Module,
    recipe: Recipe,
    seed: int,
    notes: Mapping[str, Any],
    start: nn.Module | None = None,
    teacher: nn.Module | None = None,
) -> Identity:
    """Return the identity of a training as strings by part; a state is resumed only if all parts are equal.

    Data enter by their content, and networks (trained further, start, teacher) by their weights.
    """
    if isinstance(network, NetworkConfig):
        begun = f"{type(network).__qualname__} {network.model_dump_json()}"
    else:
        begun = digest(network.state_dict(), type(network).__qualname__)
    return {
        "data": dataset.digest,
        "network": sha256(begun.encode()).hexdigest()[:16],
        "recipe": recipe.model_dump_json(),
        "seed": str(seed),
        "notes": repr(sorted(notes.items())),
        "start": weights_of(start),
        "teacher": weights_of(teacher),
    }


def store(path: str | Path, run: Run, identity: Identity) -> None:
    """Write network, optimizer moments, averaged weights and history of a training to a file."""
    tensors = {f"net.{name}": tensor for name, tensor in run.net.state_dict().items()}
    for kind, optimizer in run.optimizers.items():
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"{kind}.{number}.{key}": tensor for key, tensor in moments.items()}
    if run.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in run.average.tensors.items()}
    write(path, tensors, {"format": FORMAT, "identity": identity, "history": run.history})


def resume(path: str | Path | None, run: Run, identity: Identity) -> None:
    """Load the stored state of a training, if the file exists.

    Raises ValueError for a file of another version, or of another training; the message names what differs.
    """
    if path is None or not Path(path).exists():
        return
    tensors, header = read(path)
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not the state of a training of this version ({header.get('format')!r}); remove it"
        )
    differ = [part for part, value in identity.items() if header["identity"].get(part) != value]
    if differ:
        raise ValueError(
            f"{path} is the state of another training, with other {' and '.join(differ)}; "
            "use another file, or remove this one to start again"
        )
    run.net.load_state_dict(_of("net", tensors))
    device = next(run.net.parameters()).device
    for kind, optimizer in run.optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _of(kind, tensors).items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    if run.average is not None:
        run.average.tensors = {name: t.to(device) for name, t in _of("average", tensors).items()}
    run.history = header["history"]


def _of(kind: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one kind by the remainder of their names."""
    return {name.removeprefix(f"{kind}."): t for name, t in tensors.items() if name.startswith(f"{kind}.")}
