"""What spiking networks have in common: time steps, and the constants of their neurons."""

from math import inf

from pydantic import Field, model_validator

from memsim.models.networks.network import NetworkConfig
from memsim.models.networks.token_config import TokenConfig
from memsim.models.parts.neurons import LIF


class SpikingConfig(NetworkConfig):
    """Time steps and neurons of a spiking network, beside in_shape and num_classes.

    Defaults are those of Spikformer and Spikingformer (SpikingJelly's neuron). ValueError on unknown fields,
    and on neurons that would fire at rest or never.
    """

    steps: int = Field(
        default=4, ge=1, description="T, time steps an image is held for; event frames bring their own"
    )
    tau: float | None = Field(
        default=2.0, ge=1, description="LIF time constant [steps], beta = 1 - 1/tau; None or inf: no leak"
    )
    v_threshold: float = Field(default=1.0, gt=0, description="LIF threshold")
    v_reset: float = Field(default=0.0, description="LIF hard reset")
    decay_input: bool = Field(
        default=True,
        description="True: the input over tau, SpikingJelly's default; False: as it is",
    )
    alpha: float = Field(default=4.0, gt=0, description="steepness of the sigmoid surrogate")
    detach_reset: bool = Field(default=True, description="keep the reset out of the gradient")

    @model_validator(mode="after")
    def _neurons_fit(self) -> "SpikingConfig":
        if self.v_reset >= self.v_threshold:
            raise ValueError(f"v_reset={self.v_reset} must be below v_threshold={self.v_threshold}")
        if self.tau is None and self.decay_input:
            raise ValueError("tau without leak needs decay_input=False: an input over an endless tau is 0")
        return self

    def neuron(self, v_threshold: float | None = None) -> LIF:
        """Make a layer of the network's neurons, with another threshold if one is given."""
        return LIF(
            tau=inf if self.tau is None else self.tau,
            v_threshold=self.v_threshold if v_threshold is None else v_threshold,
            v_reset=self.v_reset,
            decay_input=self.decay_input,
            alpha=self.alpha,
            detach_reset=self.detach_reset,
        )


class SpikingTokenConfig(SpikingConfig, TokenConfig):
    """A spiking network of convolutions, tokens and transformer blocks.

    ValueError on unknown fields, and on shapes or thresholds that do not fit together.
    """

    attention_v_threshold: float = Field(
        default=0.5, gt=0, description="threshold of the neuron inside the attention"
    )

    @model_validator(mode="after")
    def _attention_fits(self) -> "SpikingTokenConfig":
        if self.v_reset >= self.attention_v_threshold:
            raise ValueError(
                f"v_reset={self.v_reset} must be below attention_v_threshold={self.attention_v_threshold}"
            )
        return self
