"""What most studies measure: the same bits in any blocks and order, complete columns, an honest reference."""

import json
import math
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import memsim
from memsim import models
from memsim.engines.common_effects import lacks
from memsim.models.measures import accuracy, predict
from memsim.models.registry import BUNDLED
from memsim.studies.evaluation import crossbars, digital, subject
from memsim.studies.evaluation.crossbars import prepare
from memsim.studies.evaluation.digital import Part
from memsim.studies.evaluation.execution import Trial
from memsim.studies.evaluation.points import points
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.taps import Bits, SpikeCounts, pack
from memsim.studies.evaluation.variants import variant
from memsim.studies.running.rows import plain

IMAGES, DAY = 6, 86400.0
CARD = memsim.ChipCard.load("default")
SETTING = Setting(card=dump(CARD), chips=2, images=IMAGES)
AT = {"time [s]": DAY, "compensation": None}

Made = Callable[..., Trial]


def measure(trial: Trial, own: dict[str, Any]) -> dict[str, Any]:
    """What the chips have each and in common, under one roof."""
    found = crossbars.measure(trial, own)
    return {**found.per_chip, **found.total}


def made(chips: list[int], **changes: Any) -> Trial:
    return prepare(crossbars.crossbars(SETTING, chips, **changes))


@pytest.fixture(scope="module")
def both() -> dict[str, Any]:
    """Two chips at once, a day after programming."""
    return measure(made([0, 1]), AT)


@pytest.fixture(scope="module")
def alone() -> Trial:
    """Chip 1 alone."""
    return made([1])


@pytest.fixture(scope="module")
def ideal() -> dict[str, Any]:
    card = CARD.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    return measure(made([0, 1], card=card), AT)


def columns(result: dict[str, Any]) -> dict[str, list[float]]:
    return {name: value for name, value in result.items() if isinstance(value, list)}


def test_a_result_is_complete_and_json(both: dict[str, Any]) -> None:
    whole = Result(per_chip=columns(both), total={n: v for n, v in both.items() if n not in columns(both)})
    assert plain(whole, 2) == json.loads(json.dumps(whole.json(), allow_nan=False)) == whole.json()
    for prefix in ("", "harder "):
        assert both[f"{prefix}images"] == IMAGES
        for name in ("accuracy [1]", "agreement [1]", "cross-entropy [nat]", "margin [1]"):
            assert len(both[f"{prefix}{name}"]) == 2
        for name in ("digital accuracy [1]", "digital cross-entropy [nat]"):
            assert isinstance(both[f"{prefix}{name}"], float)
    assert all(0 < share < 0.5 for share in both["spike mismatch [1]"])
    for name in ("energy [J]", "latency [s]", "pulses"):
        assert both[name] > 0
    assert sum(both["breakdown [J]"].values()) == pytest.approx(both["energy [J]"], rel=1e-12)
    assert set(both["upkeep"]) == {"writes", "write energy [J]", "reads", "read energy [J]"}
    assert 0 < both["digital energy [J]"]["digital_sop_integer"] < both["digital energy [J]"]["digital_sop"]


def test_chips_at_once_are_chips_apart(both: dict[str, Any], alone: Trial) -> None:
    parts = [measure(made([0]), AT), measure(alone, AT)]
    for name, values in columns(both).items():
        assert values == [part[name][0] for part in parts], name
    for name in ("energy [J]", "latency [s]", "pulses"):
        assert both[name] == pytest.approx(np.mean([part[name] for part in parts]), rel=1e-6), name
    rows = [
        {
            "id": str(n),
            "labels": {},
            "shared": {"chips": chips},
            "result": Result(per_chip=columns(one)).json(),
        }
        for n, (chips, one) in enumerate((([0], parts[0]), ([1], parts[1]), ([0, 1], both)))
    ]
    (whole,), (added,) = points(rows[2:]), points(rows[:2])
    assert added.chips == whole.chips and added.per_chip == whole.per_chip


def test_a_time_reached_after_others_is_that_time_reached_at_once(alone: Trial) -> None:
    """Low-frequency noise is one path, and compensation changes what is read, not what is there."""
    fresh = made([1])
    for time in (0.0, 3600.0):
        for kind in ("none", "column", "global"):
            measure(fresh, {"time [s]": time, "compensation": kind})
    for kind in ("column", "none", "global"):
        measure(fresh, {"time [s]": DAY, "compensation": kind})
    assert measure(fresh, AT) == measure(alone, AT)
    later = measure(fresh, {"time [s]": 30 * DAY})
    assert later["cross-entropy [nat]"] != measure(fresh, AT)["cross-entropy [nat]"]
    assert measure(fresh, AT) == measure(alone, AT), "and back"


def test_compensation_changes_no_conductance(alone: Trial) -> None:
    chip, seen, found = alone.chip, [], []
    assert chip is not None
    for kind in ("none", "global", "column"):
        found.append(measure(alone, {"time [s]": 30 * DAY, "compensation": kind}))
        seen.append({n: a.conductance() for n, a in chip.weight_arrays.items()})
    assert all(torch.equal(seen[0][n], other[n]) for other in seen[1:] for n in seen[0])
    assert len({tuple(one["harder cross-entropy [nat]"]) for one in found}) == 3
    assert [one["upkeep"]["reads"] > 0 for one in found] == [False, True, True]


def test_ideal_cells_are_the_digital_network(ideal: dict[str, Any]) -> None:
    assert ideal["spike mismatch [1]"] == [0.0, 0.0]
    for prefix in ("", "harder "):
        assert ideal[f"{prefix}agreement [1]"] == [1.0, 1.0]
        assert ideal[f"{prefix}accuracy [1]"] == [ideal[f"{prefix}digital accuracy [1]"]] * 2
    assert not {"energy [J]", "latency [s]", "breakdown [J]", "upkeep"} & set(ideal)


def test_spikes_that_differ_are_those_of_the_layers_outputs(alone: Trial) -> None:
    """Counted again from the tensors themselves."""
    found = measure(alone, AT)["spike mismatch [1]"]
    net, images = models.load(SETTING.model), models.datasets.load("digits").x_test[:IMAGES]
    seen: list[list[torch.Tensor]] = []
    assert alone.chip is not None
    for one in (net, alone.chip.net):
        kept: list[torch.Tensor] = []
        seen.append(kept)
        hooks = [
            m.register_forward_hook(lambda _, __, out, kept=kept: kept.append(out))
            for m in one.modules()
            if isinstance(m, models.LIF)
        ]
        with torch.no_grad():
            net(images) if one is net else alone.chip(images, image=range(IMAGES))
        for hook in hooks:
            hook.remove()
    differ = sum(int((a != b).sum()) for a, b in zip(*seen, strict=True))
    assert found == [differ / sum(a.numel() for a in seen[0])] and differ > 0


@pytest.mark.parametrize(
    "change", [{}, {"exchanged": "zero"}, {"trained": "rate"}, {"form": "histogram"}], ids=str
)
def test_engine_digital_is_the_changed_network_itself(change: dict[str, Any]) -> None:
    setting = Setting(card=dump(CARD), images=40)
    found = measure(
        prepare(crossbars.crossbars(setting, [0], change=change, engine="digital")), {"time [s]": 0.0}
    )
    for prefix, name in (("", "digits"), ("harder ", "digits-hard")):
        data = models.datasets.load(name)
        x, y = data.x_test[:40], data.y_test[:40]
        ours, own = (predict(variant(setting.model, what), x) for what in (change, {}))
        assert found[f"{prefix}accuracy [1]"] == [accuracy(ours, y)]
        assert found[f"{prefix}digital accuracy [1]"] == accuracy(own, y)
        same = (ours.argmax(-1) == own.argmax(-1)).double().mean()
        assert found[f"{prefix}agreement [1]"] == [float(same)]
    assert "energy [J]" not in found
    if "trained" in change:
        assert "spike mismatch [1]" not in found, "spikes of another training tell nothing"
    else:
        assert (found["spike mismatch [1]"][0] == 0.0) == ("exchanged" not in change)


def test_a_change_is_measured_on_crossbars_too() -> None:
    found = measure(made([0], change={"trained": "uniform"}), AT)
    assert "spike mismatch [1]" not in found and found["energy [J]"] > 0 and len(found["margin [1]"]) == 1


def test_a_network_file_that_has_changed_is_refused(tmp_path: Any) -> None:
    file = tmp_path / "mine.safetensors"
    shutil.copy(BUNDLED / "s2tdpt-digits.safetensors", file)
    setting = Setting(model=str(file), card=dump(CARD), images=IMAGES)
    shared = crossbars.crossbars(setting, [0], engine="digital")
    assert measure(prepare(shared), {"time [s]": 0.0})["agreement [1]"] == [1.0]
    net = models.load(file)
    net.head.weight.data *= 1.5
    models.save(net, file)
    with pytest.raises(ValueError, match=r"mine.safetensors: its file is not the one this task was made for"):
        prepare(shared)


def test_a_relative_that_was_trained_again_is_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = crossbars.crossbars(SETTING, [0], change={"trained": "dot"}, engine="digital")
    assert shared["network"]["digest"] != crossbars.crossbars(SETTING, [0])["network"]["digest"]
    own = subject.file_digest
    monkeypatch.setattr(subject, "file_digest", lambda m: "new" if m.endswith("-dot") else own(m))
    assert crossbars.crossbars(SETTING, [0])["network"]["digest"] == own(SETTING.model)
    with pytest.raises(ValueError, match="start the study anew"):
        prepare(shared)


def test_bits_of_spikes() -> None:
    spikes = (torch.rand(2, 39, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    assert np.array_equal(np.unpackbits(pack(spikes), axis=-1, count=39), spikes.numpy())
    other = spikes.clone()
    other[1, 38] = 1 - other[1, 38]
    counts = SpikeCounts(2)
    counts.add({"lif": Bits(pack(torch.cat([spikes, other])), 39)}, {"lif": Bits(pack(spikes), 39)}, range(2))
    assert counts.steps == {"lif": 2 * 39} and counts.mismatch == [0, 1 / 78]
    assert counts.spikes["lif"].tolist() == [spikes.sum(), other.sum()]


def test_passes_cover_every_image_once(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(torch.zeros(10, 1), torch.zeros(10))
    monkeypatch.setattr(digital, "PASS", 8)
    for chips in (1, 2, 3, 50):
        found = [image for ids in part.batches(chips) for image in ids]
        assert found == list(range(10))
    assert [len(ids) for ids in part.batches(50)] == [1] * 10


@pytest.mark.slow
def test_results_do_not_hang_on_the_size_of_a_pass(
    both: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digital, "PASS", 4)
    again = measure(made([0, 1]), AT)
    for name in ("accuracy [1]", "spike mismatch [1]", "harder cross-entropy [nat]"):
        assert again[name] == pytest.approx(both[name], rel=1e-6), name


@pytest.mark.slow
def test_engine_aihwkit_reports_no_energy() -> None:
    setting = Setting(card=dump(CARD.without("adc", "dac", *lacks(CARD))), chips=1, images=2)
    shared = crossbars.crossbars(setting, [0], engine="aihwkit")
    found = measure(prepare(shared), {"time [s]": DAY})
    assert not {"energy [J]", "latency [s]", "breakdown [J]", "pulses", "upkeep"} & set(found)
    assert found["images"] == 2 and 0 < found["spike mismatch [1]"][0] < 0.5
    assert math.isfinite(found["margin [1]"][0])
