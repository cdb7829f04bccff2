"""The configuration of an S2TDPT network: every value the paper leaves open is a field."""

from typing import final

from pydantic import Field, model_validator

from memsim.models.networks.token_config import TokenConfig
from memsim.models.parts.attention import Form
from memsim.models.parts.relatives import Kind
from memsim.models.parts.stdp import Silent, Window

PerHead = tuple[tuple[float, ...], ...]  #: one value for each layer and head


@final
class S2TDPTConfig(TokenConfig):
    """Everything that fixes an S2TDPT network but its weights.

    Values from Spikingformer are marked as in `TokenConfig`. ValueError on unknown fields, and on shapes or
    thresholds that do not fit together.
    """

    steps: int = Field(default=4, ge=1, description="T, time steps; 4 in the paper")
    scale: float = Field(default=0.125, gt=0, description="s of Eq. (23); unstated; 0.125 in Spikingformer")
    tau: float | None = Field(
        default=2.0,
        ge=1,
        description="LIF time constant [steps], beta = 1 - 1/tau; None or inf: no leak, beta = 1; unstated; 2"
        " in Spikingformer",
    )
    v_threshold: float = Field(default=1.0, gt=0, description="LIF threshold; unstated; 1 in Spikingformer")
    attention_v_threshold: float = Field(
        default=0.5,
        gt=0,
        description="threshold of the LIF after the attention; unstated; 0.5 in Spikingformer",
    )
    v_reset: float = Field(default=0.0, description="LIF hard reset; unstated; 0 in Spikingformer")
    decay_input: bool = Field(
        default=False, description="False: Eq. (7)-(9); True: SpikingJelly's default, the input over tau"
    )
    alpha: float = Field(
        default=4.0, gt=0, description="steepness of the sigmoid surrogate; unstated; 4 in Spikingformer"
    )
    detach_reset: bool = Field(
        default=True, description="keep the reset out of the gradient; unstated; True in Spikingformer"
    )
    layernorm: bool = Field(
        default=False, description="LayerNorm before the MLP: a sentence of the paper, not in its Eq. (26)"
    )
    window: Window = Field(default=Window(), description="STDP window; unstated; preset 'bounded'")
    silent: Silent = Field(
        default="pulse", description="tokens without spikes: 'pulse' fires at t_max (Eq. 18)"
    )
    attention: Kind = Field(default="stdp", description="the attention core: STDP or a relative of it")
    attention_form: Form = Field(default="dense", description="digital form of STDP attention")
    attention_mean: PerHead | None = Field(
        default=None,
        description="mean weight by layer and head, for 'random', 'uniform-matched'; None: the offset",
    )
    attention_spread: PerHead | None = Field(
        default=None,
        description="their standard deviation by layer and head, for 'random'; None: A / sqrt(3)",
    )
    attention_seed: int = Field(default=0, ge=0, description="seed of 'random' attention")

    @model_validator(mode="after")
    def _fits_together(self) -> "S2TDPTConfig":
        if self.v_reset >= min(self.v_threshold, self.attention_v_threshold):
            raise ValueError(f"v_reset={self.v_reset} must be below both thresholds, or neurons fire at rest")
        if self.tau is None and self.decay_input:
            raise ValueError("tau without leak needs decay_input=False: an input over an endless tau is 0")
        for name in ("attention_mean", "attention_spread"):
            value = getattr(self, name)
            if value is not None and (
                len(value) != self.layers or any(len(row) != self.heads for row in value)
            ):
                raise ValueError(f"{name} needs {self.layers} rows (layers) of {self.heads} values (heads)")
        return self
