"""One line of a plan: which network is trained, how long, and what it begins with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One network to train: shape, attention, length, and what it begins with."""

    name: str
    mixer: str = "stdp"  #: stdp, dot, rate, random, uniform-matched, sdsa; softmax: the twin without spikes
    layers: int = 2
    dim: int = 256
    pools: tuple[int, ...] = (0, 1, 0, 1, 0)  #: max-pool before this convolution?
    v_threshold: float = 0.5
    alpha: float = 2.0  #: steepness of the sigmoid whose slope stands for that of a spike
    seed: int = 0
    batch: int = 512
    epochs: tuple[float, float] = (20, 3)  #: at T = 1, then at T = 4
    seconds: float | None = None  #: instead of epochs: wall time, a share `late` of it at T = 4
    late: float = 0.4
    rate: float = 0.08  #: of Muon at its top
    vectors: float = 5e-3  #: learning rate of Adam, for the head, biases and norms
    start: str = ""  #: name of a job before, whose weights it begins with
    teacher: str = ""  #: name of a job before, whose logits it learns from
    moments: str = ""  #: name of an STDP job before, whose mean and spread of weights it takes
    cutout: int = 8
    shift: int = 4
    averaged: float = 0.0  #: decay of the average of weights over the last third; 0: none
    validate: bool = (
        False  #: keep the last 5,000 training images out and report on them, not on the test part
    )
