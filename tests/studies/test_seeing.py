"""`memsim see`: figures and numbers of maps, whole or not at all, and what it refuses."""

import json
import math
import sys
from typing import Any

import pytest
import torch

import memsim
from memsim.models.seeing.agreement import agree
from memsim.studies.cli import main
from memsim.studies.evaluation.intervals import crossed, over_both
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data as load_data
from memsim.studies.seeing.folder import write
from memsim.studies.seeing.map_figure import picture
from memsim.studies.seeing.numbers import estimate, over_times
from memsim.studies.seeing.sight import sight

FLAT = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""


def run(monkeypatch, capsys, *arguments: Any) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["memsim", "see", *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        main()
        raise SystemExit(0)
    captured = capsys.readouterr()
    code = leaving.value.code
    return (code if isinstance(code, int) else 0 if code is None else 1), captured.out, captured.err


def test_it_writes_figures_and_numbers(monkeypatch, capsys, tmp_path):
    out = tmp_path / "seen"
    code, printed, _ = run(
        monkeypatch, capsys, "--images", 3, "--chips", 2, "--time", "1s", "--time", "1year", "--beside",
        "s2tdpt-digits-hardened-pcm", "--out", out, "--json",
    )  # fmt: skip
    assert code == 0
    numbers = json.loads(printed)
    names = ["agreement", "attention-maps", "class-maps", "deletion", "raster", "spike-maps"]
    files = sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "see.json"])
    assert json.loads((out / "see.json").read_text()) == {k: v for k, v in numbers.items() if k != "files"}
    first, second = numbers["networks"]
    assert (first["network"], first["layer"], first["exact"], first["places"]) == (
        "s2tdpt-digits", "blocks.1", True, [4, 4],
    )  # fmt: skip
    assert second["network"] == "s2tdpt-digits-hardened-pcm"
    assert list(first["agreement"]["class activation"]) == ["1 s", "3.1536e+07 s"]
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


@pytest.mark.slow
def test_maps_of_ideal_chips_agree_wholly_and_those_of_randomised_weights_do_not(
    monkeypatch, capsys, tmp_path
):
    code, printed, _ = run(
        monkeypatch, capsys, "--images", 4, "--chips", 1, "--weights", "ideal", "--attention", "ideal",
        "--without", "adc", "--without", "dac", "--time", "1s", "--out", tmp_path / "seen", "--json",
    )  # fmt: skip
    (one,) = json.loads(printed)["networks"]
    assert code == 0
    for times in one["agreement"].values():
        assert all(measure["mean"] == pytest.approx(1) for measure in times["1 s"].values())
    last, every, other = one["controls"].values()
    for control in (last, every, other):
        assert control["rank correlation [1]"]["mean"] < 0.8
    assert abs(every["rank correlation [1]"]["mean"]) < 0.4


REFUSED = {
    "a layer": (["--layer", "block.1"], "did you mean 'blocks.1'"),
    "a layer without a map": (["--layer", "head"], "holds no map"),
    "a class": (["--class", "10"], "0 to 9"),
    "a word for a class": (["--class", "lable"], "label, answer"),
    "a time": (["--time", "1 yr"], "--time"),
    "a network": (["--model", "s2tdpt-digit"], "s2tdpt-digits"),
    "a network beside": (["--beside", "s2tdpt-digit"], "s2tdpt-digits"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=list(REFUSED))
def test_what_it_refuses_is_said_and_leaves_nothing(monkeypatch, capsys, tmp_path, arguments, said):
    out = tmp_path / "seen"
    code, _, error = run(monkeypatch, capsys, "--images", 2, "--chips", 1, *arguments, "--out", out)
    assert code == 1 and said in error
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_a_map_is_refused(monkeypatch, capsys, tmp_path):
    (tmp_path / "flat.py").write_text(FLAT)
    arguments = ["--net", tmp_path / "flat.py:make", "--dataset", "digits", "--out", tmp_path / "seen"]
    code, _, error = run(monkeypatch, capsys, *arguments)
    assert code == 1 and "no layer holds a map of the picture, 8 x 8" in error
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_folder_that_holds_something_is_left_as_it_is(monkeypatch, capsys, tmp_path, kind):
    out = tmp_path / "seen"
    if kind == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    else:
        out.write_text("mine")
    code, _, error = run(monkeypatch, capsys, "--out", out)
    assert code == 1 and str(out) in error and "name a new folder" in error
    assert ((out / "mine.txt") if kind == "folder" else out).read_text() == "mine"


def test_an_empty_folder_is_taken_and_a_failure_leaves_nothing(tmp_path):
    (tmp_path / "seen").mkdir()
    assert [path.name for path in write(tmp_path / "seen", {"a": 1}, {})] == ["see.json"]
    with pytest.raises(ValueError):
        write(tmp_path / "other", {"a": math.nan}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


def test_an_image_on_one_chip_is_that_image_on_several_among_others():
    subject, card = Subject.load("s2tdpt-digits"), memsim.ChipCard.load("default")

    def on(chips, images):
        return sight(subject, load_data("digits", images=images), card, chips=chips, times=[3600.0])

    few, many = on(1, 2), on(2, 3)
    for kind, tables in over_times(few).items():
        for measure, values in tables[3600.0].items():
            assert torch.allclose(values, over_times(many)[kind][3600.0][measure][:1, :2], atol=1e-6)


def test_an_estimate_leaves_images_without_an_order_out():
    maps = torch.rand(3, 5, 4, 4)
    maps[1, 2] = 0.5
    tables = agree(maps, maps.flip(-1)[:1])
    for values in tables.values():
        assert values.isnan().sum() == 1
        kept = values[:, [0, 1, 3, 4]]
        assert estimate(values, (-1.0, 1.0)).mean == pytest.approx(float(kept.mean()))


def test_an_interval_of_any_numbers_is_that_of_shares_without_what_is_added_to_these():
    table = (torch.rand(6, 40, generator=torch.Generator().manual_seed(0)) > 0.3).numpy().astype(float)
    added = torch.cat([torch.tensor(table), torch.tensor([1.0, 1, 0, 0]).expand(6, 4)], 1).numpy()
    assert crossed(added) == pytest.approx(over_both(table, share=True))
    assert crossed(3 * table - 5) == pytest.approx([3 * end - 5 for end in crossed(table)])
    assert crossed(table[:1, :1]) == (-math.inf, math.inf)


def test_intervals_over_chips_and_images_cover_the_mean():
    """95 % of intervals hold the mean of all chips and images, whose effects and rest are normal."""
    draw = torch.Generator().manual_seed(5)
    hits, repeats = 0, 600
    for _ in range(repeats):
        chips, images, rest = (torch.randn(n, m, generator=draw) for n, m in ((8, 1), (1, 32), (8, 32)))
        low, high = crossed((0.7 + 0.1 * chips + 0.2 * images + 0.1 * rest).double().numpy())
        hits += low < 0.7 < high
    assert abs(hits / repeats - 0.95) < 4 * math.sqrt(0.95 * 0.05 / repeats)


def test_a_picture_is_shown_whatever_its_channels():
    assert picture(torch.rand(1, 8, 8)).shape == picture(torch.rand(2, 8, 8)).shape == (8, 8)
    assert picture(torch.rand(3, 8, 9)).shape == (8, 9, 3)
    frames = picture(torch.randint(0, 4, (5, 2, 8, 8)).float())
    assert frames.shape == (8, 8) and frames.max() == 1
