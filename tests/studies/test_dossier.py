"""The report of a study: complete, from rows alone, the same bytes each time; and two side by side."""

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import memsim
from memsim import devices
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import beside, beside_studies, bibliography, dossier
from memsim.studies.reports.methods import methods
from memsim.studies.reports.quantities import quantity
from memsim.studies.reports.row_cautions import row_cautions
from memsim.studies.running import provenance
from memsim.studies.running.rows import row
from memsim.studies.running.runner import claim, names_of
from memsim.studies.running.store import Store
from memsim.studies.running.study import load
from tests.studies.test_cli import run
from tests.studies.test_report import Page

STUDY = '''
"""A study that measures nothing: its tests write the rows."""
from matplotlib.figure import Figure
from memsim.studies.reports.figure_style import drawn
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Bits & <accuracy>"

def tasks(setting):
    for bits in (4, 8):
        for chips in blocks(setting.chips, 2):
            yield Task(study="bits", labels={"bits": bits}, shared={"chips": chips}, own={"bits": bits})

def tables(points):
    rows = [[f"{p.labels['bits']}", f"{100 * p.estimate('accuracy [1]').mean:.2f}"] for p in points]
    first = Table(title="By bits", header=["bits [1]", "accuracy [%]"], rows=rows, note="Read it [@wan2022].")
    again = Table(title="The same again", header=["bits [1]", "accuracy [%]"], rows=rows)
    return {"by bits": first, "again": again}

def findings(points):
    return [f"{len(points)} points were found, as elsewhere [@horowitz2014; @wan2022]."]

def methods(setting):
    return "Converters of several widths were tried [@legallo2023]."

@drawn
def _line(points):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([p.labels["bits"] for p in points], [p.estimate("accuracy [1]").mean for p in points])
    axes.set_xlabel("bits [1]")
    axes.set_ylabel("accuracy [1]")
    figure.set_label("Accuracy against bits [@joshi2020].")
    return figure

def figures(points):
    return {"line": _line(points)} if points else {}
'''

FAILURE = {"error": "MemoryError: no room for <tile> | one", "traceback": "deep in there"}


def made(
    folder: Path, *, better: float = 0.0, failing: bool = True, text: str = STUDY, **setting: Any
) -> Path:
    """A folder of rows of a study, as a run leaves it; its first task may have failed."""
    source = folder.parent / "bits.py"
    source.write_text(text, "utf-8")
    study = load(source)
    card = setting.pop("card", None) or memsim.ChipCard.load("default")
    chosen = Setting(**{"card": dump(card), "chips": 4, **setting})
    claim(study, chosen, folder, names_of(study, chosen))
    with Store(folder / "rows.jsonl") as store:
        for number, task in enumerate(study.tasks(chosen)):
            outcome: dict[str, Any] = {"wall_time [s]": 1.5}
            chips = task.shared["chips"]
            if failing and number == 0:
                outcome["failure"] = FAILURE
            else:
                # chips differ much more than the two runs do: only pairs can tell these apart
                right = [0.8 + 0.03 * chip + better + 0.0004 * (chip % 2) * (better > 0) for chip in chips]
                total = {
                    "images": 450,
                    "energy [J]": 1e-7 * task.own["bits"],
                    "breakdown [J]": {"ADC": 5e-8},
                    "note": "text",
                }
                found = Result(
                    per_chip={"accuracy [1]": right}, total=total, series={"by step [J]": [1.0, 2.0]}
                )
                outcome["result"] = found.json()
            store.append(row(task, outcome))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One reported study; tests that change something make their own."""
    folder = made(tmp_path_factory.mktemp("dossier") / "run")
    dossier.write(folder, trust=True)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8").replace("&#39;", "'").replace("\u00a0", " ")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def measured_on(*cards: memsim.ChipCard, attention: bool = True) -> list[dict[str, Any]]:
    """A row for each card, as far as cautions read it."""
    total = {"attention devices": 2048} if attention else {}
    return [{"shared": {"card": dump(card)}, "result": {"total": total}} for card in cards]


def test_cautions_of_the_cards_of_rows_are_said() -> None:
    usual = memsim.ChipCard.load("default")
    hot, hotter = (usual.replace(**{"temperature [K]": kelvin}) for kelvin in (350.0, 400.0))
    (said,) = row_cautions(measured_on(hot, hot))
    assert said.startswith("temperature [K] = 350 acts on thermal noise; pcm-joshi2020, reram-om without")
    (said,) = row_cautions(measured_on(hot, attention=False))
    assert "reram-om" not in said
    both = row_cautions(measured_on(usual, hot, hotter))
    assert len(both) == 2 and all(words.endswith(" (1 of 3 cards)") for words in both)
    many = [usual.replace(**{"temperature [K]": 310.0 + step}) for step in range(9)]
    assert row_cautions(measured_on(*many))[-1] == "and 3 more of this kind"
    assert row_cautions(measured_on(usual)) == []
    foreign: dict[str, Any] = {"shared": {"card": {"name": "x", "no such": 1}}, "result": {"total": {}}}
    assert row_cautions([{"shared": {}}, {"shared": {"card": dump(hot)}}, foreign]) == []


def test_a_page_has_the_cautions_of_its_cards(tmp_path: Path) -> None:
    text = STUDY.replace('shared={"chips": chips}', 'shared={"chips": chips, "card": setting.card}')
    hot = memsim.ChipCard.load("default").replace(**{"temperature [K]": 350.0})
    folder = made(tmp_path / "run", text=text, card=hot)
    page = dossier.write(folder, trust=True).read_text("utf-8").replace("\u00a0", " ")
    assert "temperature [K] = 350 acts on thermal noise" in page
    beside.write_beside(folder, folder, tmp_path / "out", trust=True)
    assert "A: temperature [K] = 350 acts on" in (tmp_path / "out/report.md").read_text("utf-8")


class TestReport:
    def test_the_folder_holds_page_markdown_figures_tables_numbers_and_references(self, folder: Path) -> None:
        written = {"report.html", "report.md", "figures/line.svg", "figures/line.png", "tables/by-bits.csv"}
        written |= {"tables/again.csv", "rows.csv", "references.bib"}
        assert set(files(folder)) == written | {"rows.jsonl", "study.json", "card.toml", "bits.py"}

    def test_drawing_it_again_gives_the_same_bytes(self, folder: Path, tmp_path: Path) -> None:
        again = shutil.copytree(folder, tmp_path / "run")
        before = files(again)
        dossier.write(again, trust=True)
        assert files(again) == before

    def test_another_folder_may_take_it(self, folder: Path, tmp_path: Path) -> None:
        assert dossier.write(folder, tmp_path / "out", trust=True) == tmp_path / "out" / "report.html"
        ours, theirs = files(folder), files(tmp_path / "out")
        assert all(ours[name] == content for name, content in theirs.items())

    def test_the_page_loads_nothing_and_its_links_lead_somewhere(self, text: str) -> None:
        page = Page(text)
        assert [load for load in page.loads if not load.startswith("#")] == []
        assert not page.tags & {"script", "link", "iframe", "object", "embed", "audio", "video", "img"}
        assert "default-src 'none'" in text
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        assert {load[1:] for load in page.loads} <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))

    def test_text_from_outside_is_escaped(self, text: str) -> None:
        assert "Bits &amp; &lt;accuracy&gt;" in text and "<accuracy>" not in text and "<tile>" not in text

    def test_what_matters_comes_first(self, text: str) -> None:
        order = (
            "tasks failed",
            "By bits",
            "points were found",
            "<svg",
            "Accuracy against bits",
            "The same again",
        )
        order += (">Failures<", ">Methods<", "Converters of several widths")
        order += (">How to repeat this study<", ">References<")
        text = re.sub(r"<nav.*?</nav>", "", text, flags=re.S)  # the list of sections
        places = [text.index(word) for word in order]
        assert places == sorted(places)

    def test_failures_are_named_and_counted(self, text: str) -> None:
        assert "1 of 4 tasks failed; they are listed under Failures." in text
        assert "MemoryError: no room for &lt;tile&gt; | one" in text

    def test_tasks_that_are_not_measured_yet_are_counted(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "run", failing=False)
        study, setting = (
            load(tmp_path / "bits.py"),
            Setting(card=dump(memsim.ChipCard.load("default")), chips=8),
        )
        claim(study, setting, folder, names_of(study, setting))
        assert "4 of 8 tasks are not measured yet." in dossier.write(folder, trust=True).read_text("utf-8")

    def test_rows_of_another_version_are_called_so(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "run", failing=False)
        (folder / "study.json").unlink()
        (tmp_path / "bits.py").write_text(STUDY.replace("(4, 8)", "(5, 9)"), "utf-8")
        card = dump(memsim.ChipCard.load("default"))
        study, setting = load(tmp_path / "bits.py"), Setting(card=card, chips=4)
        claim(study, setting, folder, names_of(study, setting))
        said = dossier.write(folder, trust=True).read_text("utf-8")
        assert "measured by another version of memsim" in said and "not measured yet" not in said

    def test_markdown_says_the_same(self, folder: Path, text: str) -> None:
        said = (folder / "report.md").read_text("utf-8")
        assert "![line](figures/line.png)" in said
        assert "no room for &lt;tile> \\| one" in said
        assert re.findall(r"<h2>(.*?)</h2>", text) == re.findall(r"^## (.*)$", said, re.MULTILINE)
        for line in said.splitlines():
            if line.startswith("|"):
                assert line.endswith("|")
        assert "[1]: " not in said and "[@" not in said and "[@" not in text

    def test_every_number_of_a_chip_has_its_place(self, folder: Path) -> None:
        lines = list(csv.DictReader(io.StringIO((folder / "rows.csv").read_text("utf-8"))))
        # two chips of a task that failed are missing
        assert [(one["bits"], one["chip"]) for one in lines] == [
            ("4", "2"), ("4", "3"), *[("8", str(chip)) for chip in range(4)]
        ]  # fmt: skip
        assert [float(one["accuracy [1]"]) for one in lines[2:]] == [0.8 + 0.03 * chip for chip in range(4)]
        assert {float(one["energy [J]"]) for one in lines if one["bits"] == "8"} == {8e-7}
        assert {one["breakdown [J]: ADC"] for one in lines} == {"5e-08"}
        assert "note" not in lines[0]

    def test_tables_are_files_too(self, folder: Path) -> None:
        lines = (folder / "tables" / "by-bits.csv").read_text("utf-8").splitlines()
        assert lines == ["bits [1],accuracy [%]", "4,87.50", "8,84.50"]

    def test_it_tells_how_to_measure_again(self, text: str) -> None:
        words = "memsim study bits.py --model s2tdpt-digits --card card.toml --chips 4 --time 86400s --seed 0"
        assert words in re.sub(r"<span class=\"option\">([^<]*)</span>", r"\1", text)
        assert "4 rows, 6 s of work in all" in text
        assert all(version in text for version in provenance.versions().values())

    def test_a_study_with_networks_of_its_own_names_no_other(self, tmp_path: Path, folder: Path) -> None:
        brings = STUDY.replace('shared={"chips"', 'shared={"network": {"mixer": "softmax"}, "chips"')
        own, other = (dossier.recall(x, trust=True) for x in (made(tmp_path / "own", text=brings), folder))
        named = [" ".join(part.text for part in dossier.how(one).parts) for one in (own, other)]  # type: ignore
        assert "s2tdpt-digits" not in named[0] and "The network is s2tdpt-digits" in named[1]

    def test_figures_and_tables_of_an_earlier_report_go(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "run")
        dossier.write(folder, trust=True)
        (folder / "figures" / "mine.png").write_bytes(b"mine")
        (folder / "bits.py").write_text(
            STUDY.replace('"line"', '"curve"').replace('"again"', '"more"'), "utf-8"
        )
        dossier.write(folder, trust=True)
        assert {p.name for p in (folder / "figures").iterdir()} == {"curve.png", "curve.svg", "mine.png"}
        assert {p.name for p in (folder / "tables").iterdir()} == {"by-bits.csv", "more.csv"}

    def test_a_study_that_failed_altogether_has_a_report(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "run", failing=False)
        study, chosen = (
            load(tmp_path / "bits.py"),
            Setting(card=dump(memsim.ChipCard.load("default")), chips=4),
        )
        (folder / "rows.jsonl").unlink()
        with Store(folder / "rows.jsonl") as store:
            for task in study.tasks(chosen):
                store.append(row(task, {"failure": FAILURE, "wall_time [s]": 1.0}))
        assert "4 of 4 tasks failed" in dossier.write(folder, trust=True).read_text("utf-8")

    @pytest.mark.parametrize("existing", [False, True])
    def test_nothing_half_written_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
    ) -> None:
        folder, out = made(tmp_path / "run"), tmp_path / "out"
        if existing:
            dossier.write(folder, out, trust=True)
        before = files(out) if existing else {}
        write = Path.write_bytes

        def full(path: Path, data: bytes) -> int:
            if path.name == "report.md":
                raise OSError(28, "No space left on device")
            return write(path, data + b"new")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left on device"):
            dossier.write(folder, out, trust=True)
        assert out.exists() == existing
        assert (files(out) if existing else {}) == before


class TestMethods:
    def test_every_number_of_the_card_is_said(self) -> None:
        card = memsim.ChipCard.load("default").replace(
            weights={"tile_rows": 77, "read_voltage [V]": 0.35},
            wear={"cycles_before": 3e5, "endurance": 1e7},
        )
        said = " ".join(methods(Setting(card=dump(card), chips=3, seed=5, time=3600.0), card))
        sections = (card.weights, card.attention, card.wear)
        tables = (card.weights.adc, card.weights.dac, card.attention.adc)
        for section in (*sections, *tables):
            for name, info in type(section).model_fields.items():
                value = getattr(section, name)
                if value is not None and name not in ("cell", "adc", "dac"):
                    unit = (info.alias or "[]").split("[")[1].rstrip("]").removeprefix("1")
                    shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
                    if isinstance(value, float):
                        shown = quantity(value, unit) if unit else f"{value:g}"
                    assert re.sub(r"(?<!^g)_", " ", name).lower() + f" {shown}".lower() in said.lower()
        for needed in ("3 chips", "seed 5", "1 hour after", "pcm-joshi2020", "[@joshi2020; @nandakumar2019]",
                       "reram-om", "[@gong2022]", "16 pulses", "all 450 test images of digits [@alpay",
                       "1167 images", "epochs 100", "99.33 %", "does not include: resist"):  # fmt: skip
            assert needed in said, needed

    def test_effects_off_and_scaled_are_said(self) -> None:
        card = (
            memsim.ChipCard.load("default")
            .without("adc")
            .replace(strengths={"drift": 2.0, "read-noise": 0.0})
        )
        said = " ".join(methods(Setting(card=dump(card)), card))
        assert "drift × 2" in said
        assert "switched off: read-noise, adc." in said

    def test_a_network_that_is_gone_is_no_hindrance(self) -> None:
        card = memsim.ChipCard.load("default")
        said = methods(Setting(model="gone.safetensors", images=7), card)[0]
        assert "training record is not available" in said and "the first 7 test images" in said


class TestBibliography:
    def test_the_file_is_sound(self) -> None:
        text = bibliography.FILE.read_text("utf-8")
        keys = re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE)
        assert len(keys) == len(set(keys)) == len(bibliography.entries()) == text.count("\n@") + 1
        for entry in bibliography.entries().values():
            assert entry.bibtex.count("{") == entry.bibtex.count("}")
            assert {"author", "title", "year", "annote"} <= set(entry.fields)
            assert not re.search(r"[{}\\]|--", entry.line), entry.line

    def test_every_key_that_is_cited_exists(self) -> None:
        for path in Path(dossier.__file__).parents[1].rglob("*.py"):
            bibliography.cited([path.read_text("utf-8").replace("@joshi2020; @horowitz2014", "@joshi2020")])
        for key in (*provenance.PAPERS, *dossier.ALWAYS):
            assert bibliography.entry(key).line

    def test_every_cell_but_the_ideal_has_its_paper(self) -> None:
        for name in set(devices.names()) - {"ideal"}:
            assert bibliography.mentioned(devices.get(name).source), name

    def test_a_source_in_words_finds_its_entry_and_no_other(self) -> None:
        assert bibliography.mentioned("Gong, Rasch et al., IEDM 2022 (10019569)") == ["gong2022"]
        assert bibliography.mentioned("Horowitz, ISSCC 2014 and Shafiee et al., ISCA 2016") == [
            "horowitz2014", "shafiee2016"
        ]  # fmt: skip
        assert bibliography.mentioned("an ideal cell is written for nothing") == []

    def test_an_entry_reads_as_people_write_it(self) -> None:
        assert bibliography.entry("joshi2020").line == (
            "V. Joshi et al.: Accurate deep neural network inference using computational phase-change "
            "memory. Nature Communications 11, 2473 (2020). doi:10.1038/s41467-020-16108-9. PCM: "
            "programming, drift, read noise."
        )
        assert bibliography.entry("mondal2025").link == "https://arxiv.org/abs/2511.14691"
        assert (
            bibliography.authors("Gong, Nanbo and Rasch, Malte J. and others")
            == "N. Gong, M. J. Rasch et al."
        )

    def test_the_saved_file_holds_what_is_cited(self, folder: Path, text: str) -> None:
        saved = (folder / "references.bib").read_text("utf-8")
        keys = re.findall(r"^@\w+\{(\w+),$", saved, re.MULTILINE)
        assert keys[:3] == ["wan2022", "horowitz2014", "joshi2020"]  # in the order of the page
        assert {"mondal2025", "rasch2021", "legallo2023", "nandakumar2019"} <= set(keys)
        assert "zamarreno2011" not in keys
        assert len(keys) == len(re.findall(r'<li id="ref-\d+">', text))
        assert '[<a href="#ref-2">2</a>, <a href="#ref-1">1</a>]' in text

    def test_a_key_that_does_not_exist_is_named(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "run", text=STUDY.replace("@legallo2023", "@nobody1900"))
        with pytest.raises(ValueError, match="no entry 'nobody1900' in"):
            dossier.write(folder, trust=True)
        assert not (folder / "report.html").exists()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("beside")
    card = memsim.ChipCard.load("default").replace(weights={"adc_bits": 6}).without("drift")
    one = made(place / "one", failing=False)
    return one, made(place / "two", better=0.01, failing=False, card=card)


@pytest.fixture(scope="module")
def parts(two: tuple[Path, Path]) -> tuple[dossier.Recorded, dossier.Recorded]:
    return dossier.recall(two[0], trust=True), dossier.recall(two[1], trust=True)


class TestBeside:
    def test_what_differs_is_said_and_nothing_else(self, parts: Any) -> None:
        assert [list(one) for one in beside_studies.differences(*parts).rows] == [
            ["card.weights.adc_bits", "8", "6"],
            ["card.off", "nothing", "drift"],
        ]

    def test_executive_tables_become_one(self, parts: Any) -> None:
        (table,) = beside_studies.joined(*parts)
        assert table.header == ["bits [1]", "run", "accuracy [%]"]
        assert table.rows == [
            ["4", "A", "84.50"], ["4", "B", "85.52"], ["8", "A", "84.50"], ["8", "B", "85.52"]
        ]  # fmt: skip

    def test_the_same_chips_are_compared_in_pairs(self, parts: Any) -> None:
        """Chips differ by 9 points among themselves and by 1.00 or 1.04 between the runs."""
        (table,) = beside_studies.paired(*parts)
        assert table.header == ["bits", "accuracy [points]", "chips [1]"]
        # mean 1.02, spread 0.0231, Student's t(3) = 3.182: +- 0.037
        assert table.rows == [[bits, "+1.02 [+0.98, +1.06]", "4"] for bits in ("4", "8")]

    def test_other_seeds_are_other_chips(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = dossier.recall(made(tmp_path / "other", seed=1), trust=True)
        (words,) = beside_studies.paired(dossier.recall(two[0], trust=True), other)
        assert "seeds differ" in words.text

    def test_figures_stand_beside_each_other_and_bytes_repeat(self, two: tuple[Path, Path]) -> None:
        page = beside.write_beside(*two, trust=True)
        assert page == two[0] / "vs-two" / "report.html"
        before = files(page.parent)
        assert {"figures/A-line.svg", "figures/B-line.png", "report.md", "references.bib"} <= set(before)
        assert "tables/what-changes-from-a-to-b.csv" in before
        text = before["report.html"].decode()
        parsed = Page(text)
        assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)
        assert len(parsed.ids) == len(set(parsed.ids))
        assert text.count("<svg") == 2 and '<div class="beside">' in text
        beside.write_beside(*two, trust=True)
        assert files(page.parent) == before

    def test_other_kinds_are_refused_by_name(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = made(tmp_path / "other")
        about = json.loads((other / "study.json").read_text("utf-8"))
        (other / "study.json").write_text(json.dumps(about | {"study": "tiles"}), "utf-8")
        (other / "bits.py").rename(other / "tiles.py")
        with pytest.raises(ValueError, match=r"one of 'bits' and .*other of 'tiles'"):
            beside.write_beside(two[0], other, trust=True)


class TestCommand:
    def test_it_draws_one_and_two(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        one, two = made(tmp_path / "one"), made(tmp_path / "two", seed=3)
        assert run(capsys, monkeypatch, "report", "--trust", str(one)) == (
            0,
            f"report: {one / 'report.html'}\n",
            "",
        )
        out = tmp_path / "out"
        code, said, _ = run(
            capsys, monkeypatch, "report", "--trust", str(one), str(two), "--out", str(out), "--json"
        )
        assert (code, json.loads(said)) == (0, {"report": str(out / "report.html")})
        assert (out / "report.md").is_file() and not (one / "vs-two").exists()

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda f: shutil.rmtree(f), "there is no folder"),
            (lambda f: (f / "study.json").unlink(), "it has neither study.json"),
            (lambda f: (f / "study.json").write_text("{"), "study.json is damaged"),
            (lambda f: (f / "study.json").write_text('{"study": "x", "setting": {"odd": 1}}'), "is damaged"),
            (lambda f: (f / "rows.jsonl").unlink(), "holds no rows that can be read"),
            (lambda f: (f / "rows.jsonl").write_text(""), "holds no rows that can be read"),
            (lambda f: (f / "bits.py").write_text("title = ("), "line 1"),
        ],
        ids=["no folder", "no study", "damaged", "unknown field", "no file", "no rows", "no Python"],
    )  # fmt: skip
    def test_one_clear_message(
        self, tmp_path: Path, capsys: Any, monkeypatch: Any, spoil: Any, words: str
    ) -> None:
        folder = made(tmp_path / "run")
        spoil(folder)
        code, said, error = run(capsys, monkeypatch, "report", "--trust", str(folder))
        assert (code, said) == (1, "")
        assert words in error and error.startswith("memsim: ") and error.count("\n") == 1

    def test_damaged_rows_are_told_and_left_out(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        folder = made(tmp_path / "run")
        lines = (folder / "rows.jsonl").read_bytes().splitlines(keepends=True)
        (folder / "rows.jsonl").write_bytes(
            b"".join([lines[0], lines[1].replace(b"0.86", b"0.99"), *lines[2:]])
        )
        code, _, error = run(capsys, monkeypatch, "report", "--trust", str(folder))
        assert code == 0
        assert "line 2 is damaged" in error
        assert "1 of 4 tasks are not measured yet." in (folder / "report.html").read_text("utf-8")

    def test_an_unwritable_folder_is_named(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        folder = made(tmp_path / "run")
        (tmp_path / "file").touch()
        code, _, error = run(
            capsys, monkeypatch, "report", "--trust", str(folder), "--out", str(tmp_path / "file" / "out")
        )
        assert code == 1
        assert "cannot write the report into" in error and error.count("\n") == 1

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_rows_that_may_not_be_read_are_named(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        folder = made(tmp_path / "run")
        (folder / "rows.jsonl").chmod(0)
        code, _, error = run(capsys, monkeypatch, "report", "--trust", str(folder))
        assert code == 1 and "Permission denied" in error
