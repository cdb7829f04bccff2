"""One line of a plan: which network is trained, how long, and what it begins with."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

KINDS = ("stdp", "dot", "rate", "random", "uniform-matched", "sdsa", "softmax")
MATCHED = ("random", "uniform-matched")  #: kinds that take mean and spread of weights from an STDP network


@dataclass(frozen=True)
class Job:
    """One network to train: shape, attention, length, and what it begins with.

    ValueError, naming job and field, for a value that is not allowed.
    """

    name: str
    mixer: str = "stdp"  #: kind of attention; "softmax": the twin without spikes
    layers: int = 2
    dim: int = 256  #: width of a token, a multiple of 32; heads are 32 wide
    pools: tuple[int, ...] = (0, 1, 0, 1, 0)  #: max-pool before this convolution? Two make 8 x 8 tokens
    v_threshold: float = 0.5
    alpha: float = 2.0  #: steepness of the sigmoid whose slope stands for that of a spike
    seed: int = 0
    batch: int = 512
    epochs: tuple[float, float] = (20, 3)  #: at T = 1, then at T = 4
    seconds: float | None = None  #: wall time instead of epochs, a share `late` of it at T = 4
    late: float = 0.4
    rate: float = 0.08  #: of Muon at its top
    vectors: float = 5e-3  #: learning rate of Adam, for the head, biases and norms
    start: str = ""  #: name of a job before, whose weights it begins with
    teacher: str = ""  #: name of a job before, whose logits it learns from
    moments: str = ""  #: name of an STDP job before, whose mean and spread of weights it takes
    cutout: int = 8  #: side of the square that is cut out of a picture [pixels]
    shift: int = 4  #: furthest move of a picture [pixels]
    averaged: float = 0.0  #: decay of the average of weights over the last third; 0: none
    norms: str = "batch"  #: statistics of norms while it learns: of each "batch", or "kept" as on a chip
    noise: float = 0.0  #: strength of the errors of PCM chips that hold the weights, 1: as measured; 0: none
    oldest: float = 365.25 * 86400  #: ages of these chips are drawn log-uniformly from 1 s to this [s]
    clip: float = 0.0  #: weights of a column stay within `clip` times their root mean square; 0: no limit
    validate: bool = False  #: train without the last 5,000 images and report on them, not on the test part

    @property
    def spiking(self) -> bool:
        """Whether its network spikes."""
        return self.mixer != "softmax"

    def __post_init__(self):
        allowed = {
            "mixer": (self.mixer in KINDS, f"one of {', '.join(KINDS)}"),
            "dim": (self.dim > 0 and self.dim % 32 == 0, "a multiple of 32: heads are 32 wide"),
            "layers": (self.layers >= 1, "1 or more"),
            "pools": (len(self.pools) == 5 and sum(self.pools) == 2 and not self.pools[0], "five of 0 and 1, "
                      "two of them 1, the first 0: pictures of 32 x 32 become 8 x 8 tokens"),
            "batch": (1 <= self.batch <= 45_000, "from 1 to 45000"),
            "epochs": (len(self.epochs) == 2 and min(self.epochs) >= 0, "two numbers, 0 or more"),
            "seconds": (self.seconds is None or self.seconds > 0, "above 0, or absent"),
            "late": (0 <= self.late < 1, "from 0 to below 1"),
            "averaged": (0 <= self.averaged < 1, "from 0 to below 1"),
            "norms": (self.norms in ("batch", "kept"), "'batch' or 'kept'"),
            "noise": (self.noise == 0 or (self.noise > 0 and self.norms == "kept" and self.spiking),
                      "0, or above 0 with norms 'kept', of a network with spikes"),
            "oldest": (self.oldest >= 1, "1 s or more"),
            "clip": (self.clip == 0 or self.clip > 1, "above 1, or 0"),
            "moments": (bool(self.moments) == (self.mixer in MATCHED), "the name of an STDP job before for "
                        f"{' and '.join(MATCHED)}, absent for any other mixer"),
        }  # fmt: skip
        for field, (right, range_) in allowed.items():
            if not right:
                raise ValueError(
                    f"job {self.name!r}: {field} = {getattr(self, field)!r}, allowed is {range_}"
                )


def read_plan(lines: Iterable[str], known: Collection[str] = ()) -> list[Job]:
    """Read the jobs of a plan, JSON lines; ValueError, naming the line, for one that cannot be used.

    known: names of networks that are there already, to begin with.
    """
    jobs: dict[str, Job] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(line)
            job = Job(**{key: tupled(v) for key, v in fields.items()})
            if job.name in jobs or job.name in known:
                raise ValueError(f"job {job.name!r} is there twice")
            for field in ("start", "teacher", "moments"):
                other = getattr(job, field)
                if other and other not in jobs and other not in known:
                    raise ValueError(f"job {job.name!r}: {field} = {other!r}, which is no job before it")
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {number} of the plan: {error}") from None
        jobs[job.name] = job
    return list(jobs.values())


def tupled(value: Any) -> Any:
    """Return a list of JSON as a tuple."""
    return tuple(value) if isinstance(value, list) else value
