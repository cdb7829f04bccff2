"""Two comparisons side by side: paired where they can be, honest where not, refused in one message."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import memsim
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.evaluation.unpaired import welch
from memsim.studies.reports import beside_comparisons
from memsim.studies.reports.beside import write_beside
from memsim.studies.reports.report import write_report
from memsim.studies.running import comparison_file
from memsim.studies.running.comparison_file import recall
from tests.studies.test_cli import run
from tests.studies.test_compare import CARD, TRAIN, X, Y, mlp
from tests.studies.test_report import Page

COARSE = CARD.replace(name="coarse [@nobody1900] <b>", weights={"adc_bits": 4})
RUNS: dict[str, dict[str, Any]] = {
    "one": {},
    "coarse": {"card": COARSE},
    "seed": {"seed": 1, "chips": 4},
    "fewer": {"data": (X[:30], Y[:30], TRAIN)},
    "digital": {"engine": "digital"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of comparisons; tests that change one copy it."""
    place = tmp_path_factory.mktemp("comparisons")
    for name, asked in RUNS.items():
        options = {"card": CARD, "data": (X, Y, TRAIN), "chips": 3} | asked
        found = memsim.compare(mlp(), **options)
        if name == "coarse":
            write_report(found, place / name)
        else:
            _without_pictures(found, place / name)
    return place


def _without_pictures(found: Comparison, folder: Path) -> None:
    """Write what is read of a comparison's folder: quicker than a whole report."""
    folder.mkdir()
    text = json.dumps(found.summary(), indent=2)
    (folder / "result.json").write_text(text)
    (folder / "run.json").write_text(comparison_file.made(found, text))


def changes(place: Path, other: str, of: str = "one") -> dict[str, list[str]]:
    """Rows of the first table by their measure."""
    table = beside_comparisons.accuracy(recall(place / of), recall(place / other))
    return {row[0]: list(row[1:]) for row in table.rows}


def test_the_folder_gives_back_what_was_measured(place: Path) -> None:
    kept = recall(place / "one")
    found = memsim.compare(mlp(), CARD, (X, Y, TRAIN), chips=3)
    assert kept.summary == found.summary()
    assert kept.point is not None and kept.point.per_chip == found.point.per_chip
    assert kept.point.estimate("accuracy [1]") == found.accuracy
    assert kept.setting.seed == 0 and memsim.ChipCard.parse(dict(kept.setting.card)) == CARD


def test_the_same_chips_are_compared_in_pairs(place: Path) -> None:
    a, b = recall(place / "one"), recall(place / "coarse")
    assert beside_comparisons.paired(a, b) and a.images == b.images
    assert a.point is not None and b.point is not None
    found = beside_comparisons.change(a, b, "cross-entropy [nat]")
    assert found == b.point.against(a.point, "cross-entropy [nat]")
    assert beside_comparisons.change(a, b, "accuracy [1]").task is not None  # type: ignore[union-attr]


def test_other_chips_are_not_paired(place: Path) -> None:
    a, b = recall(place / "one"), recall(place / "seed")
    assert not beside_comparisons.paired(a, b)
    assert a.point is not None and b.point is not None
    columns = [run.point.per_chip["cross-entropy [nat]"] for run in (a, b)]  # type: ignore[union-attr]
    found = beside_comparisons.change(a, b, "cross-entropy [nat]")
    assert found is not None and (found.low, found.high) == welch(*columns)
    assert "Welch" in beside_comparisons.accuracy(a, b).note


def test_other_images_are_named_and_not_paired(place: Path) -> None:
    a, b = recall(place / "one"), recall(place / "fewer")
    (said,) = beside_comparisons.cautions(a, b)
    assert "test images differ" in said
    wide, narrow = (
        beside_comparisons.change(a, one, "accuracy [1]") for one in (b, recall(place / "coarse"))
    )
    assert wide is not None and wide.task is not None and narrow is not None and narrow.task is not None
    assert wide.task.high - wide.task.low > narrow.task.high - narrow.task.low
    assert "same answers" not in changes(place, "fewer")["accuracy, digital, given data [%]"][2]


def test_a_run_beside_its_copy_differs_in_nothing(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "one", tmp_path / "one")
    a, b = recall(place / "one"), recall(tmp_path / "one")
    assert not list(beside_comparisons.cautions(a, b))
    assert beside_comparisons.differences(*map(beside_comparisons.made_from, (a, b))).rows == []
    table = beside_comparisons.accuracy(a, b)
    assert "same answers" in table.rows[0][3]
    assert all(row[1] == row[2] and row[3].startswith("0") for row in table.rows)
    assert all(row[1] == row[2] and row[3] in ("", "1.00") for row in beside_comparisons.costs(a, b).rows)
    assert "show no significant change" in beside_comparisons.headline(a, b)


def test_a_digital_run_has_its_digital_rows_alone(place: Path) -> None:
    rows = changes(place, "digital")
    assert list(rows) == ["accuracy, digital, given data [%]"]
    assert "no accuracy on chips in common" in beside_comparisons.headline(
        recall(place / "one"), recall(place / "digital")
    )


def test_what_differs_is_said_and_energies_are_divided(place: Path) -> None:
    a, b = recall(place / "one"), recall(place / "coarse")
    names = [
        row[0] for row in beside_comparisons.differences(*map(beside_comparisons.made_from, (a, b))).rows
    ]
    assert {"card.name", "card.weights.adc_bits"} <= set(names) and "seed" not in names
    (crossbars,) = (r for r in beside_comparisons.costs(a, b).rows if r[0].startswith("energy, crossbars ["))
    low = b.summary["energy_band"]["crossbar"]["low"] / a.summary["energy_band"]["crossbar"]["low"]
    assert float(crossbars[3].split(" to ")[0]) == pytest.approx(low, rel=6e-3)


def test_the_page_stands_alone_escapes_and_repeats(place: Path) -> None:
    """A card whose name looks like a citation of no known work, and like a tag."""
    page = write_beside(place / "one", place / "coarse")
    assert page == place / "one" / "vs-coarse" / "report.html"
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert "coarse [@nobody1900] &lt;b&gt;" in text and len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)
    own = (place / "coarse" / "report.html").read_text("utf-8")
    assert "[@nobody1900] &lt;b&gt; compared with the built-in card default" in own
    assert ">weights.adc_bits<" in own
    write_beside(place / "one", place / "coarse")
    assert {path: path.read_bytes() for path in before} == before
    assert "tables/energy-time-and-area.csv" in text


def test_the_command_takes_two(place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    out = tmp_path / "both"
    words = ("report", str(place / "one"), str(place / "seed"), "--out", str(out), "--json")
    code, said, error = run(capsys, monkeypatch, *words)
    assert (code, error) == (0, "") and json.loads(said) == {"report": str(out / "report.html")}


def _study(folder: Path) -> None:
    (folder / "study.json").write_text("{}")


def _edited(folder: Path) -> None:
    path = folder / "result.json"
    path.write_text(path.read_text().replace('"images": 40', '"images": 41'))


def _forged(folder: Path) -> None:
    body = json.loads((folder / "run.json").read_text())
    body["chips"] = [0, 0, 0]
    (folder / "run.json").write_text(json.dumps(body))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (shutil.rmtree, "there is no folder"),
        (_study, "only runs of one kind"),
        (_edited, "result.json is not what this run wrote"),
        (_forged, "check sum"),
        (lambda f: (f / "run.json").unlink(), "it has no run.json"),
        (lambda f: (f / "result.json").unlink(), "it has no result.json"),
        (lambda f: (f / "run.json").write_text("{"), "damaged"),
        (lambda f: (f / "run.json").write_text("[1]"), "damaged"),
        (lambda f: (f / "run.json").write_bytes(b"\xff\xfe"), "damaged"),
        (lambda f: (f / "run.json").write_text('{"format": "memsim-row-2"}'), "not memsim-comparison-1"),
        (lambda f: (f / "run.json").write_text("[" * 100_000), "damaged"),
    ],
    ids=["gone", "study", "edited", "forged", "no run", "no result", "cut", "list", "odd", "format", "deep"],
)  # fmt: skip
def test_one_clear_message(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, spoil: Callable[[Path], Any], words: str
) -> None:
    other = shutil.copytree(place / "seed", tmp_path / "other")
    spoil(other)
    out = tmp_path / "out"
    code, said, error = run(capsys, monkeypatch, "report", str(place / "one"), str(other), "--out", str(out))
    assert (code, said) == (1, "") and not out.exists()
    assert words in error and error.startswith("memsim: ") and error.count("\n") == 1 and len(error) < 2000


def test_columns_that_are_not_finite_are_left_out() -> None:
    record = {"result": {"per_chip": {"a": [1.0], "b": [float("nan")]}, "total": {"x": {"y": float("inf")}}}}
    assert comparison_file._finite_columns(record)["result"] == {"per_chip": {"a": [1.0]}, "total": {"x": {}}}
