"""The report: complete, honest in words, standing alone, and never half-written."""

import dataclasses
import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import memsim
from memsim.devices.endurance import PUBLISHED
from memsim.studies.reports import energy_findings, figures, findings, line_findings
from memsim.studies.reports import report as module
from memsim.studies.reports.report import write_report
from memsim.studies.running import provenance
from tests.studies import made

NAMES = ("accuracy", "attention-first", "attention-last", "break-even", "conductances", "energy", "spikes")


class Page(HTMLParser):
    """What a browser would load, the ids, the links within, and the table headers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headers: list[str] = []
        self.tags: set[str] = set()
        self._header = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for key, value in attrs:
            value = value or ""
            if key in ("src", "data", "action", "srcset") or (key.endswith("href") and tag != "a"):
                self.loads.append(value)
            self.loads += re.findall(r"url\(([^)]*)\)", value)
            if key == "id":
                self.ids.append(value)
            if key == "href" and tag == "a":
                self.links.append(value)
        if tag == "th":
            self._header = True
            self.headers.append("")

    def handle_endtag(self, tag: str) -> None:
        self._header = self._header and tag != "th"

    def handle_data(self, data: str) -> None:
        if self._header:
            self.headers[-1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole report; tests that change something write their own."""
    out = tmp_path_factory.mktemp("report") / "new" / "out"
    return write_report(made.comparison(), out).parent  # type: ignore[arg-type]


@pytest.fixture
def comparison() -> SimpleNamespace:
    """Without maps, conductances and break-even: quick to draw."""
    return made.comparison(sample={}, balance=None)


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8").replace("\u00a0", " ")


def test_the_folder_holds_page_numbers_card_and_figures(folder: Path) -> None:
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    pictures = [f"figures/{name}.{kind}" for name in NAMES for kind in ("png", "svg")]
    tables = [file for file in files if file.startswith("tables/")]
    written = [
        "card.toml",
        *pictures,
        "references.bib",
        "report.html",
        "report.md",
        "result.json",
        "run.json",
    ]
    assert files == [*written, *tables] and "tables/results.csv" in tables
    assert json.loads((folder / "result.json").read_text("utf-8")) == made.summary()


def test_the_page_loads_nothing_from_anywhere(text: str) -> None:
    page = Page(text)
    assert [load for load in page.loads if not load.startswith(("#", "data:image/png;base64,"))] == []
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "audio", "video"}
    assert "default-src 'none'" in text and "@import" not in text
    assert "http" not in re.sub(
        r'xmlns(:xlink)?="http://www\.w3\.org/[^"]*"|http-equiv|<a href="[^"]*"', "", text
    )


def test_ids_are_unique_or_alike_and_links_within_lead_somewhere(text: str) -> None:
    """Figures bring ids of their own; none may point into another figure."""
    page = Page(text)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    targets = {load[1:] for load in page.loads if load.startswith("#")}
    assert targets <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_every_number_column_and_row_carries_a_unit(text: str) -> None:
    """Headers of columns with numbers, and the measures of the first table, name their unit in brackets."""
    words = {
        "digital",
        "crossbars",
        "change",
        "share",
        "layer",
        "array",
        "event",
        "price no.",
        "no.",
        "value",
    }
    words |= {"cell", "source", "technology", "arrays", "effects on", "effects off", "meaning and source"}
    words |= {"digital baseline", *(baseline.words for baseline in energy_findings.BASELINES.values())}
    words |= {"other layers", "group", "what", "verdict", *provenance.versions()}
    words |= {row[0] for row in against(made.summary())}
    rows = {"weights", "attention", provenance.versions()["python"]}
    rows |= {"clipped conversions", "adc-8b", "array-read", *memsim.ChipCard.load("default").prices}
    rows |= set(PUBLISHED) | set(made.summary()["kappa"]) | {f"blocks.{b}.attention.core" for b in range(3)}
    card = {row["key"] for row in provenance.card_rows(memsim.ChipCard.load("default"))}
    bare = [h for h in Page(text).headers if not re.search(r"\[[^\]]+\]", h)]
    assert [h for h in bare if h not in words | rows | card] == []


def test_the_page_says_what_matters(text: str, card: memsim.ChipCard) -> None:
    for needed in (
        "1 day after programming, simulated crossbars lose 0.50 points of accuracy on digits",
        "show no significant change of accuracy with 4 chips (−0.10 points) on digits-hard",
        "Where the crossbars are worse",
        "99.50 % [98.50, 100.00]; 450 images",
        "99.00 % [98.80, 99.20]; 4 chips",
        "The largest kappa is 3.30 (blocks.0.mlp.fc1.linear)",
        "switched off: adc",
        "arXiv:2511.14691",
        "clipped conversions",
        ">--seed</span> 0",
        "33 % of the pulses are written at silent tokens, which have no spike; at 20 % of all pulses both",
        "6.40 instead of 8.00 cycles per image",
        "1.25 s to 1.4 days",
        "0.100: ADC 0.0700, weight cells 0.0300",
    ):
        assert needed in text.replace("&#39;", "'"), needed
    assert text.count("assumption: ") >= sum(p.assumption for p in card.prices.values())
    assert all(price.source in html.unescape(text) for price in card.prices.values())


def test_the_same_comparison_gives_the_same_report(comparison: Any, tmp_path: Path) -> None:
    first = write_report(comparison, tmp_path).read_bytes()
    assert write_report(comparison, tmp_path).read_bytes() == first


def test_figures_of_an_earlier_report_do_not_stay(comparison: Any, tmp_path: Path) -> None:
    before = made.comparison(balance=None)
    write_report(before, tmp_path)  # type: ignore[arg-type]
    (tmp_path / "figures" / "mine.png").write_bytes(b"earlier")
    assert (tmp_path / "figures" / "attention-last.svg").exists()
    write_report(comparison, tmp_path)
    assert not (tmp_path / "figures" / "attention-last.svg").exists()
    assert (tmp_path / "figures" / "mine.png").read_bytes() == b"earlier"


def test_a_digital_run_has_a_report_too(comparison: SimpleNamespace, summary: dict, tmp_path: Path) -> None:
    keys = ("model", "dataset", "engine", "images", "seed", "digital", "spike_rate")
    alone = {k: summary[k] for k in keys} | {"energy": {"digital_sop": 3e-6}}
    bare = SimpleNamespace(
        setting=comparison.setting,
        card=comparison.card,
        chip=None,
        sample={},
        balance=None,
        summary=lambda: alone,
        record=made.record() | {"chips": []},
    )
    text = write_report(bare, tmp_path).read_text("utf-8")  # type: ignore[arg-type]
    assert "The digital network classifies 99.50 % of digits correctly; no crossbars were requested." in text
    assert "Ledger" not in text and "Conductances" not in text


def test_text_from_outside_is_escaped(comparison: SimpleNamespace, tmp_path: Path) -> None:
    comparison.summary()["model"] = "<script>alert(1)</script>"
    text = write_report(comparison, tmp_path).read_text("utf-8")  # type: ignore[arg-type]
    assert "<script" not in text and "&lt;script&gt;" in text


def test_a_number_that_is_none_becomes_null(comparison: Any, tmp_path: Path) -> None:
    comparison.summary()["digital"]["cross_entropy"] = float("nan")
    write_report(comparison, tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["digital"]["cross_entropy"] is None
    assert "not finite" in (tmp_path / "report.html").read_text("utf-8")


def test_an_unwritable_folder_is_named_in_one_message(comparison: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    for folder in (blocked, blocked / "below"):
        with pytest.raises(OSError, match=re.escape(f"cannot write the report into {folder}: ")) as caught:
            write_report(comparison, folder)
        assert "\n" not in str(caught.value)
    assert blocked.read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(comparison: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission denied"):
        write_report(comparison, tmp_path)


@pytest.mark.parametrize("existing", [False, True])
def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool) -> None:
    """The disk is full at the third file: an old report stays whole, a new folder is gone."""
    folder, files = tmp_path / "out", {"figures/energy.svg": b"1", "card.toml": b"2", "report.html": b"3"}
    monkeypatch.setattr(module, "files", lambda *_: files)
    if existing:
        write_report(None, folder)  # type: ignore[arg-type]
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "report.html":
            raise OSError(28, "No space left on device")
        return write(path, data + b"new")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_report(None, folder)  # type: ignore[arg-type]
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert folder.exists() == existing


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write the report"):
        write_report(None, tmp_path / "file")  # type: ignore[arg-type]


def test_the_page_is_moved_last(comparison: Any) -> None:
    assert list(module.files(comparison))[-1] == "report.html"


def test_the_saved_card_is_the_card(card: memsim.ChipCard, folder: Path, tmp_path: Path) -> None:
    assert memsim.ChipCard.load(folder / "card.toml") == card
    odd = card.replace(name='my "card" \\ µ', attention={"n_max": 7}).without("drift", "adc")
    path = tmp_path / "odd.toml"
    path.write_text(provenance.toml(odd), "utf-8")
    assert memsim.ChipCard.load(path) == odd


def test_the_command_makes_the_run_again(comparison: SimpleNamespace) -> None:
    """The options of the printed command exist, and give the setting's values."""
    from typer.testing import CliRunner

    from memsim.studies.cli import app
    from memsim.studies.evaluation.times import seconds

    setting = dataclasses.replace(comparison.setting, images=7, dataset="digits", data="elsewhere")
    words = provenance.command(setting, worth=True).split()
    shown = (
        CliRunner(env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})
        .invoke(app, ["compare", "--help"])
        .output
    )
    assert [w for w in words if w.startswith("--") and w not in shown] == []
    assert seconds(words[words.index("--time") + 1]) == comparison.setting.time


def against(summary: dict) -> list[list[str]]:
    """Rows of the table of energies."""
    found = energy_findings.against(summary)
    assert found is not None
    return found[1]


class TestWords:
    """Sentences that must not flatter."""

    def test_a_loss_outside_the_interval_is_a_loss(self, summary: dict) -> None:
        assert "lose 0.50 points" in findings.headline(summary)

    def test_a_gain_is_called_one(self, summary: dict) -> None:
        summary["digital"]["accuracy"] = 0.98
        assert "gain 1.00 points" in findings.headline(summary)

    def test_losses_on_both_sets_share_the_verb(self, summary: dict) -> None:
        harder = summary["harder (digits-hard)"]
        harder["digital"]["accuracy"], harder["crossbar"]["change"] = 0.95, made.interval(-0.021, 0.002)
        expected = "lose 0.50 points of accuracy on digits and 2.10 points of accuracy on digits-hard."
        assert findings.headline(summary).endswith(expected)

    def test_what_is_certain_on_these_images_only_says_so(self, summary: dict) -> None:
        summary["crossbar"]["change"] = made.interval(-0.005, 0.003)
        said = findings.headline(summary)
        assert "lose 0.50 points of accuracy (significant for these images only) on" in said

    def test_one_chip_is_no_evidence(self, summary: dict) -> None:
        summary["crossbar"]["accuracy"] = made.interval(0.99, 0.01) | {"per_chip": [0.99]}
        assert "one chip, so no interval" in findings.headline(summary)
        assert findings.results(summary)[0]["crossbars"] == "99.00 %; one chip"

    def test_ideal_chips_answer_alike_and_have_no_energy(self, summary: dict) -> None:
        summary |= {"agreement": 1.0, "weights": "ideal", "attention_cell": "ideal"}
        assert "answer exactly as the digital network on digits" in findings.headline(summary)
        del summary["energy"]["crossbar"]
        shown = summary
        assert all(row[3:] == ["", ""] for row in against(shown))
        assert "no hardware has this energy" in energy_findings.about(shown)
        assert not any("Energy" in line for line in findings.losing(shown))

    def test_an_energy_without_its_weight_arrays_is_not_compared(self, summary: dict) -> None:
        summary["engine"] = "aihwkit"
        del summary["energy"]["crossbar"]
        assert "is not known" in energy_findings.about(summary)

    def test_what_agrees_on_both_sets_is_said_once(self, summary: dict) -> None:
        summary["agreement"] = summary["harder (digits-hard)"]["agreement"] = 1.0
        assert findings.headline(summary).endswith(
            "exactly as the digital network on digits and digits-hard."
        )

    def test_digital_wins_where_it_does(self, summary: dict) -> None:
        summary["energy"]["crossbar"] = 4e-6
        assert against(summary)[0][1:] == ["3.00", "4.00", "1.3", "digital wins"]
        assert any("4.00 µJ on crossbars, 3.00 µJ" in line for line in findings.losing(summary))

    def test_wires_are_judged_by_the_rule_of_thumb(self, summary: dict) -> None:
        _, rows = line_findings.wires(summary)
        assert [row["meaning"] for row in rows] == [
            "wires change currents there by a few per cent",
            "wires dominate the currents there",
            "wires change currents there by tens of per cent",
        ]
        assert line_findings.wires({}) == ("", [])


class TestBands:
    """What the ends of a band decide, in the report's words and on the terminal."""

    @pytest.fixture
    def banded(self, summary: dict) -> dict:
        """Crossbars from 2 to 4 uJ, held against 3 uJ."""
        ours = {"low": 2e-6, "high": 4e-6}
        summary["energy"] |= {"crossbar": 2e-6, "digital_sop": 3e-6}
        summary["energy_band"] = {"crossbar": ours, "crossbar_memory": ours}
        return summary

    def test_a_verdict_that_flips_is_not_decided(self, banded: dict) -> None:
        assert against(banded)[0][1:] == ["3.00", "2.00 to 4.00", "0.67 to 1.3", "not decided"]
        assert not any("3.00 µJ by the papers" in line for line in findings.losing(banded))

    def test_a_verdict_that_stays_is_told(self, banded: dict) -> None:
        banded["energy"]["digital_sop"] = 1e-6
        assert against(banded)[0][1:] == ["1.00", "2.00 to 4.00", "2.0 to 4.0", "digital wins"]
        assert any("2.00 µJ to 4.00 µJ on crossbars, 1.00 µJ" in line for line in findings.losing(banded))
        banded["energy"]["digital_sop"] = 5e-6
        assert against(banded)[0][3:] == ["0.40 to 0.80", "the crossbars win"]

    def test_a_mixture_of_nodes_is_in_the_headline(self, banded: dict) -> None:
        assert energy_findings.mixture(banded) == ""
        banded |= {"node": "45nm", "other_nodes": {"32nm": ["row-drive", "adc-8b"]}}
        words = "Prices of several technology nodes: adc-8b, row-drive of 32nm; all else of 45nm."
        assert findings.headline(banded).endswith(words)
        assert energy_findings.about(banded).startswith(words)

    def test_the_figure_draws_the_band(self, banded: dict) -> None:
        drawn = figures.energy(banded)
        assert "2.00 µJ to 4.00 µJ" in " ".join(t.get_text() for t in drawn.axes[0].get_yticklabels())
        longest = max(max(line.get_xdata()) for line in drawn.axes[0].get_lines())
        assert longest == pytest.approx(4.0)
