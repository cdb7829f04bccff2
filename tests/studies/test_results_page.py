"""docs/results.md is made of recorded rows alone."""

import re
from pathlib import Path

import pytest

from memsim.studies.commands import results_page
from memsim.studies.reports.dossier import recall
from tests.studies.test_dossier import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("results") / "run", failing=False)


def test_the_page_has_command_source_table_and_findings(folder: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "results.md"
    results_page.main([str(folder), "--commit", "abc1234", "--out", str(page), "--trust"])
    text, recorded = page.read_text("utf-8"), recall(folder, trust=True)
    assert capsys.readouterr().out.strip() == str(page)
    assert text.startswith("# What the studies found\n") and "`memsim study bits --chips 4`\n" in text
    assert "at commit abc1234" in text and recorded.rows[0]["code"] in text
    table = next(iter(recorded.tables.values()))
    kept = [name for name in table.header if name not in results_page.LEFT_OUT]
    assert "| " + " | ".join(kept) + " |" in text
    for row in table.rows:
        cells = dict(zip(table.header, row, strict=True))
        assert "| " + " | ".join(cells[name] for name in kept) + " |" in text
    assert all("- " + re.split(r" ?\[@", finding)[0] in text for finding in recorded.findings)
    assert "more tables" not in text.lower() and "## Methods" not in text


def test_a_note_that_tables_share_stands_once(folder: Path) -> None:
    text = results_page.text([folder, folder], "abc", trust=True)
    note = next(iter(recall(folder, trust=True).tables.values())).note.split(" [@")[0]
    assert text.count("## bits: s2tdpt-digits") == 2 and note and text.count(note) == 1


def test_sections_are_added_or_take_the_place_of_their_like(folder: Path, tmp_path: Path) -> None:
    page, other = tmp_path / "results.md", made(tmp_path / "other", failing=False, seed=3)
    write = ["--out", str(page), "--trust", "--commit"]
    results_page.main([str(folder), *write, "first"])
    results_page.main([str(other), *write, "second", "--add"])
    both = page.read_text("utf-8")
    assert both == results_page.text([folder, other], "first", trust=True).replace("first", "second").replace(
        "commit second", "commit first", 1
    )
    results_page.main([str(folder), *write, "third", "--add"])
    assert page.read_text("utf-8") == both.replace("commit first", "commit third")
    page.write_text("# Another page", "utf-8")
    with pytest.raises(SystemExit, match="no section 'How to read the brackets'"):
        results_page.main([str(folder), *write, "x", "--add"])


def test_many_findings_are_left_to_the_report(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(results_page, "MANY", 0)
    text, found = results_page.text([folder], "abc", trust=True), recall(folder, trust=True).findings
    assert f"- The report has {len(found)} findings" in text
    assert re.split(r" ?\[@", found[0])[0] not in text


def test_options_that_are_not_the_default_are_in_the_command(tmp_path: Path) -> None:
    more = {"images": 7, "time": 60.0, "seed": 3}
    folder = made(tmp_path / "run", failing=False, **more)
    found = results_page.command(recall(folder, trust=True))
    assert found == "memsim study bits --chips 4 --images 7 --seed 3 --time 60s"


def test_what_is_no_folder_of_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no folder"):
        results_page.main([str(tmp_path / "none"), "--out", str(tmp_path / "page.md")])
    assert not (tmp_path / "page.md").exists()
