"""`memsim.compare`: any network, card and data through one door; what is wrong is refused before the work."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.models import LIF
from memsim.studies.evaluation import crossbars, digital
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.evaluation.execution import Trial, execute
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.taps import Taps
from memsim.studies.reports import engine_findings, findings, line_findings, screen
from memsim.studies.reports.report import write_report

CARD = memsim.ChipCard.load("default")
DIGITS = models.datasets.load("digits")
X, Y, TRAIN = DIGITS.x_test[:40], DIGITS.y_test[:40], DIGITS.x_train


def mlp() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))


def shown(summary: dict[str, Any], width: int = 80) -> str:
    """What the terminal shows."""
    console = Console(width=width, file=io.StringIO())
    console.print(screen.screen(summary))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def found() -> Comparison:
    return memsim.compare(mlp(), CARD, (X, Y, TRAIN), chips=3)


def test_a_foreign_network_is_compared_with_an_interval_over_chips(found: Comparison) -> None:
    net, summary = mlp(), found.summary()
    assert found.digital_accuracy == float((net(X).argmax(-1) == Y).double().mean())
    assert summary["digital"]["accuracy"] == found.digital_accuracy
    assert summary["crossbar"]["accuracy"]["per_chip"] == list(found.result.per_chip["accuracy [1]"])
    assert len(found.result.per_chip["accuracy [1]"]) == found.accuracy.chips == 3
    assert found.accuracy.low <= found.accuracy.mean <= found.accuracy.high
    assert summary["images"] == 40 and summary["dataset"] == "given data"
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert sum(summary["breakdown"].values()) == pytest.approx(summary["energy"]["crossbar"], rel=1e-12)
    assert repr(found).startswith("Comparison('Sequential', digital ")


def test_engine_aihwkit_stands_beside_memsim_in_one_table(tmp_path) -> None:
    """Both run the card without what aihwkit lacks; the difference has an interval over chips."""
    found = memsim.compare(mlp(), CARD, (X, Y, TRAIN), chips=3, engine="aihwkit")
    summary = found.summary()
    assert "wires" in summary["lacking"] and set(summary["lacking"]) <= set(summary["off"])
    ours = memsim.compare(mlp(), CARD.without(*summary["lacking"]), (X, Y, TRAIN), chips=3)
    assert summary["beside"]["crossbar"] == ours.summary()["crossbar"]
    assert found.result.per_chip["cross-entropy [nat]"] != ours.result.per_chip["cross-entropy [nat]"]
    printed = shown(summary)
    assert re.search(r", digital .*\n.*, aihwkit .*\n.*, memsim ", printed) and "not significant" in printed
    said = engine_findings.verdict(summary)
    assert "wires" in said and " points [" in said
    page = write_report(found, tmp_path).read_text()
    assert "Two engines on one card" in page and "not significant" in page


def test_engines_far_apart_are_told_apart() -> None:
    def one(*shares: float) -> dict[str, Any]:
        return {"crossbar": {"accuracy": {"per_chip": list(shares)}}}

    near, far = one(0.90, 0.91, 0.92), one(0.70, 0.71, 0.73)
    assert "difference is significant." in engine_findings.verdict(near | {"beside": far, "lacking": []})
    assert "not significant." in engine_findings.verdict(near | {"beside": near, "lacking": []})
    same = one(0.9, 0.9, 0.9)
    assert "not significant." in engine_findings.verdict(same | {"beside": one(0.8, 0.8, 0.8), "lacking": []})


def test_lines_that_matter_and_are_not_simulated_stand_in_the_headline() -> None:
    """And on the terminal; with the lines simulated the warning is gone."""
    bare = CARD.replace(
        weights={"wires": "none"}, attention={"wires": "none"}, **{"wire_resistance [ohm]": 9.0}
    )
    summary = memsim.compare(mlp(), bare, (X, Y, TRAIN), chips=2).summary()
    assert max(summary["kappa"].values()) > line_findings.SMALL
    assert "although kappa is" in findings.headline(summary)
    wired = bare.replace(weights={"wires": "idle-off"})
    assert line_findings.warning(memsim.compare(mlp(), wired, (X, Y, TRAIN), chips=2).summary()) == ""
    hurried = wired.replace(weights={"read_time [s]": 2e-12})
    assert "to settle" in line_findings.warning(
        memsim.compare(mlp(), hurried, (X, Y, TRAIN), chips=2).summary()
    )


def test_an_own_converter_without_node_and_area_is_named_everywhere(tmp_path) -> None:
    """In the headline, on the terminal, in the report and in result.json; nothing is added to the area."""
    adc = {"energy [J]": 2e-12, "source": "made for this test"}
    result = memsim.compare(mlp(), CARD.replace(weights={"adc_bits": 9, "adc": adc}), (X, Y, TRAIN), chips=2)
    summary = result.summary()
    mixed = "adc-9b-weights (own, node unknown); all else of 45nm"
    assert summary["area [m2]"]["ADC"] == summary["area of whole tiles [m2]"]["ADC"] == "unknown"
    assert summary["other_nodes"] == {"own, node unknown": ["adc-9b-weights"]}
    assert mixed in findings.headline(summary)
    printed = " ".join(shown(summary).split())
    assert mixed in printed and "Unknown: ADC." in printed
    page = write_report(result, tmp_path).read_text()
    assert mixed in page and "ADC unknown" in page and "own, node unknown" in page


def test_the_terminal_wraps_no_value_at_80_columns(found: Comparison) -> None:
    """Rows of tables are whole; what ran, a verdict, one energy line, a baseline a line."""
    narrow, wide = (shown(found.summary(), width) for width in (80, 200))
    tables = [line.rstrip() for line in wide.splitlines() if "  " in line.strip()]
    assert len(tables) > 8 and all(line in map(str.rstrip, narrow.splitlines()) for line in tables)
    assert "3 chips of card default, engine memsim, seed 0" in narrow
    assert "wires 0.698 ohm per segment, kappa up to" in narrow and "effects off: none" in narrow
    assert narrow.count("Energy of an image on crossbars") == 1 and "largest part" in narrow


def test_what_a_network_has_not_is_absent(found: Comparison) -> None:
    """No neurons, no attention: no rates, no mismatch, no pulses, never 0."""
    absent = {"spike_rate", "spike_mismatch", "spike_rate_crossbar", "attention", "attention_cell"}
    assert absent.isdisjoint(found.summary())
    assert {"spike mismatch [1]", "pulses", "attention cycles"}.isdisjoint(
        {**found.result.per_chip, **found.result.total}
    )


def test_nothing_counted_is_no_energy() -> None:
    ideal = CARD.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    found = memsim.compare(mlp(), ideal, (X, Y), chips=2)
    assert "crossbar" not in found.energy and "breakdown" not in found.summary()
    assert found.agreement.mean == 1.0 and found.result.per_chip["agreement [1]"] == [1.0, 1.0]


def test_every_form_of_the_same_data_gives_the_same(found: Comparison, tmp_path: Any) -> None:
    again = memsim.compare(mlp(), CARD, (X.numpy(), Y.numpy(), TRAIN.numpy()), chips=3)
    assert again.summary() == found.summary()
    named = memsim.compare(mlp(), CARD, "digits", chips=3, images=40)
    for other in (named, memsim.compare(mlp(), CARD, DIGITS, chips=3, images=40)):
        assert other.result.per_chip["accuracy [1]"] == found.result.per_chip["accuracy [1]"]
    assert "harder (digits-hard)" in named.summary()


def test_python_and_a_study_measure_the_same() -> None:
    setting = Setting(card=dump(CARD), chips=2, images=5)
    task = crossbars.measure(
        crossbars.prepare(crossbars.crossbars(setting, [0, 1])), {"time [s]": setting.time}
    )
    found = memsim.compare("s2tdpt-digits", CARD, chips=2, images=5)
    assert found.result.per_chip == task.per_chip
    assert found.result.total == task.total
    assert set(found.summary()) >= {"spike_rate", "spike_mismatch", "attention", "harder (digits-hard)"}


def test_a_file_called_digits_is_not_scikit_learns(tmp_path: Any) -> None:
    """No harder set stands beside it, and converters are set on its own images."""
    file = tmp_path / "digits.npz"
    np.savez(file, x_train=1 - TRAIN.numpy(), y_train=DIGITS.y_train, x_test=1 - X.numpy(), y_test=Y)
    found = memsim.compare("s2tdpt-digits", CARD, str(file), chips=1, images=4)
    assert not any(key.startswith("harder") for key in found.summary())
    plain, other = (
        crossbars.crossbars(Setting(card=dump(CARD), images=4, dataset=name), [0])["dataset"]["digest"]
        for name in ("digits", str(file))
    )
    assert plain != other


class Pair(nn.Module):
    """Returns more than its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.net(x), x


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"net": 3}, TypeError, "net is a int"),
        ({"net": "s2tdpt-nothing"}, ValueError, "no bundled network"),
        ({"data": None}, ValueError, "no training record that names its data set; name one with --dataset"),
        ({"data": 3}, TypeError, "data is a int; it takes the name of a data set"),
        ({"data": (X,)}, TypeError, "data is 1 things"),
        ({"data": "digitz"}, ValueError, "no data set 'digitz'"),
        ({"data": (X, Y[:-1], TRAIN)}, ValueError, r"x_test \(40, 1, 8, 8\) and y_test \(39,\)"),
        ({"data": (X, torch.eye(10)[Y], TRAIN)}, ValueError, "are the labels one-hot"),
        ({"data": (X, Y.float(), TRAIN)}, ValueError, "whole numbers >= 0"),
        ({"data": (X, Y + 90, TRAIN)}, ValueError, "10 classes, labels go up to 99"),
        ({"data": (X * float("nan"), Y, TRAIN)}, ValueError, "x_test holds NaN or infinity"),
        ({"data": (X, Y, TRAIN[:, :, :4])}, ValueError, "inputs of different shapes"),
        ({"data": (X, Y)}, ValueError, "converters need training inputs"),
        (
            {"data": (X[:, :, :4], Y, TRAIN[:, :, :4])},
            ValueError,
            r"does not take inputs x_test \(1, 1, 4, 8\)",
        ),
        ({"net": Pair()}, ValueError, r"gives tuple for 1 inputs; logits \(1, classes\) .* output="),
        ({"chips": 0}, ValueError, "chips = 0"),
        ({"chips": 2.5}, ValueError, "chips = 2.5"),
        ({"images": 0}, ValueError, "images = 0"),
        ({"time": -1.0}, ValueError, "time = -1.0 s"),
        ({"batch_axis": -1}, ValueError, "batch_axis = -1: the axis of the images"),
        ({"batch_axis": 4}, ValueError, r"batch_axis = 4: x_test \(40, 1, 8, 8\) has no such axis"),
        ({"batch_axis": 1}, ValueError, r"x_test \(1, 40, 8, 8\) and y_test \(40,\) .* \(batch_axis=\)"),
        ({"engine": "fast"}, ValueError, "engine = 'fast': one of memsim, aihwkit, digital"),
        ({"card": "defualt"}, ValueError, "defualt"),
    ],
)
def test_what_is_wrong_is_refused_by_name_before_any_chip(
    given: dict[str, Any], error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memsim, "to_crossbar", lambda *_, **__: pytest.fail("a chip was made"))
    with pytest.raises(error, match=told):
        memsim.compare(**{"net": mlp(), "card": CARD, "data": (X, Y, TRAIN), "chips": 2} | given)


class TimeFirst(nn.Module):
    """Rows of a picture as time steps (T, B, F), spikes between two layers."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.first, self.neurons, self.last = nn.Linear(8, 16), LIF(), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.neurons(4 * self.first(x))).mean(0)


class BatchFirst(TimeFirst):
    """The same of inputs (B, T, F)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, 0))


@pytest.mark.parametrize("engine", ["memsim", "digital"])
def test_images_may_be_on_any_axis(engine: str) -> None:
    rows, train = X[:, 0], TRAIN[:32, 0]
    asked: dict[str, Any] = {"chips": 2, "engine": engine}
    usual = memsim.compare(BatchFirst(), CARD, (rows, Y, train), **asked)
    found = memsim.compare(
        TimeFirst(), CARD, (rows.movedim(0, 1), Y, train.movedim(0, 1)), batch_axis=1, images=40, **asked
    )
    summary, expected = found.summary(), usual.summary()
    assert summary.pop("model") == "TimeFirst" and expected.pop("model") == "BatchFirst"
    assert summary == expected
    assert 0 < summary["spike_rate"]["neurons"] < 1


class Steps(nn.Module):
    """Spiking: the image in every of four steps, (T, B, F) inside."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.first, self.lif, self.last = nn.Linear(64, 32), LIF(), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.lif(3 * self.first(x.flatten(1)).expand(4, len(x), 32))
        return self.last(spikes).mean(0)


def test_spikes_of_a_foreign_network_are_counted_by_layer() -> None:
    net = Steps().eval()
    found = memsim.compare(net, CARD, (X, Y, TRAIN), chips=2)
    seen: list[Tensor] = []
    hook = net.lif.register_forward_hook(lambda _, __, out: seen.append(out.detach()))
    net(X)
    hook.remove()
    summary = found.summary()
    assert summary["spike_rate"] == {"lif": pytest.approx(float(seen[0].mean()))}
    assert 0 < summary["spike_mismatch"]["lif"] < 0.5
    assert len(found.result.per_chip["spike mismatch [1]"]) == 2


def test_spikes_of_layers_whose_images_cannot_be_told_are_left_out() -> None:
    """Time folded into the batch: 4 x 40 entries are not 40 images."""
    net = nn.Sequential(LIF())
    with Taps(net) as taps:
        net(torch.ones(1, 160, 3))
    assert taps.bits(40) == {} and set(taps.bits(160)) == {"0"}


def test_neurons_of_other_libraries_are_known_by_name() -> None:
    """SpikingJelly's LIFNode, one step a call: four calls of two images are spikes (2, 4 x 5)."""
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    net = nn.Sequential(neuron.LIFNode(step_mode="s"))
    with Taps(net) as taps:
        for _ in range(4):
            net(2.5 * torch.ones(2, 5))
    assert taps.bits(2)["0"].size == 20 and taps.bits(2)["0"].ones > 0 and taps.bits(4) == {}
    several = nn.Sequential(neuron.LIFNode(step_mode="m"))
    with Taps(several) as taps:
        several(2.5 * torch.ones(4, 2, 5))
    assert taps.bits(2)["0"].size == 20


class Remembers(nn.Module):
    """Keeps a membrane from call to call, as single-step neurons of other libraries do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(64, 10)
        self.v: Tensor | float = 0.0
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.v = self.v + self.weight(x.flatten(1))
        self.calls += 1
        return self.v


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(digital, "PASS", 8)
    yield


def test_a_network_that_remembers_starts_every_pass_alike(passes: None) -> None:
    net = Remembers().eval()
    with torch.no_grad():
        expected = net.weight(X.flatten(1))
    source = digital.TestData("x", {"x": (X, Y)})
    found = digital.run(net, source)
    assert torch.allclose(found.plain.logits, expected, atol=1e-6)
    assert net.v == 0.0
    trial = Trial(found, [0], changed=net)
    measured = execute(trial, 0.0)
    assert torch.equal(measured.logits["x"][0], found.plain.logits)
    assert net.v == 0.0 and net.calls == 0


def test_a_checkpoint_without_a_record_asks_for_a_data_set(tmp_path: Any) -> None:
    net = models.load("s2tdpt-digits")
    net.record = {}
    path = str(models.save(net, tmp_path / "own.safetensors"))
    with pytest.raises(ValueError, match=r"own.safetensors has no training record .* --dataset"):
        memsim.compare(path, CARD, chips=1, images=2)
    with pytest.raises(ValueError, match=r"own.safetensors has no training record .* --dataset"):
        crossbars.crossbars(Setting(model=path, card=dump(CARD)), [0])
    assert memsim.compare(path, CARD, "digits", chips=1, images=2).setting.model == path
