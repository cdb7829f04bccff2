"""Physical windows in studies: by name, in a network, in the attention study, in a picture."""

import re

import pytest
import torch

from memsim import devices, models
from memsim.models import Window
from memsim.studies.evaluation.physical_window import PHYSICS, made, physical_window
from memsim.studies.evaluation.variants import variant
from memsim.studies.library import attention
from memsim.studies.reports import figures
from memsim.studies.reports.waveform_figure import stdp


@pytest.mark.parametrize("name", PHYSICS)
def test_its_time_constant_is_the_window_s(name: str) -> None:
    """Where the fit holds, f is exp(-|dt| / tau) of the window it stands in for."""
    own = Window(A=0.3, tau=0.4, offset=0.2)
    window = physical_window(name, own)
    assert (window.A, window.offset, window.t_max, window.shape) == (0.3, 0.2, 1.0, "table")
    head_dim = 200
    part = (window.table(head_dim) - 0.2) / 0.3
    early = part[: head_dim - 10]  # ten spikes from a tie, where the two peaks meet
    distance = torch.arange(head_dim, 10, -1) / head_dim
    fit = made(name).fit("potentiation")
    expected = fit.height / made(name).height("potentiation") * torch.exp(-distance.double() / 0.4)
    torch.testing.assert_close(early, expected, rtol=0, atol=0.03)


def test_a_network_takes_it_and_the_study_asks_for_each() -> None:
    window = models.load("s2tdpt-digits").config.window
    for layer in variant("s2tdpt-digits", {"physics": "gap model"}).attention_layers():
        assert layer.core.window == physical_window("gap model", window)  # type: ignore[union-attr]
    asked = {c["physics"]: group for group, _, c in attention.changes("s2tdpt-digits") if "physics" in c}
    assert asked == dict.fromkeys(PHYSICS, "window")


@pytest.mark.parametrize("name", ["threshold law, unequal spikes", "gap model"])
def test_the_picture_shows_voltages_and_window(name: str) -> None:
    figure = stdp(*PHYSICS[name], unit="S" if name == "gap model" else "")
    labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label]
    assert len(labels) == 5 and all(re.search(r"\[.+\]", label) for label in labels)
    assert ("change of weight [nS]" in labels) == (name == "gap model")
    legend = figure.axes[2].get_legend()
    assert legend is not None
    taus = [f"τ = {1e3 * made(name).fit(lobe).tau:.1f} ms" for lobe in ("potentiation", "depression")]
    assert [text.get_text() for text in legend.get_texts()] == taus


def test_a_window_without_depression_is_drawn_too() -> None:
    pair = devices.SpikePair(a_pre=0.5)
    assert not devices.stdp_window(pair).depression.any()
    assert figures.svg(stdp(pair, devices.ThresholdExponential())).count("τ =") == 1
