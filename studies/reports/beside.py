"""The report of a folder of results, whatever it holds, and of two runs of one kind side by side."""

from __future__ import annotations

from pathlib import Path

from memsim.studies.reports import beside_comparisons, beside_studies, dossier, report, report_folder
from memsim.studies.running import comparison_file


def write_alone(folder: str | Path, out: str | Path | None = None, *, trust: bool = False) -> Path:
    """Write the report of one comparison or study anew, into its folder or `out`; returns the page.

    ValueError and OSError as of `report.write_again` and `dossier.write`; ValueError for `trust` where there
    is nothing to run.
    """
    if kind(Path(folder)) == "study":
        return dossier.write(folder, out, trust=trust)
    if trust:
        raise ValueError(f"--trust: {folder} holds a comparison, whose report runs no file: it has no effect")
    return report.write_again(folder, out)


def write_beside(a: str | Path, b: str | Path, out: str | Path | None = None, *, trust: bool = False) -> Path:
    """Write a report on two folders of one kind into `out` (default: A/vs-B); returns the page.

    ValueError for folders of different kinds or studies, and as `recall` of either kind; OSError for an
    unwritable `out`.
    """
    folders = Path(a), Path(b)
    kinds = [kind(folder) for folder in folders]
    if kinds[0] != kinds[1]:
        said = " and ".join(f"{folder} holds a {one}" for folder, one in zip(folders, kinds, strict=True))
        raise ValueError(f"only runs of one kind can be set side by side; {said}")
    out = Path(a) / f"vs-{Path(b).resolve().name}" if out is None else Path(out)
    if kinds[0] == "study":
        runs = dossier.recall(a, trust=trust), dossier.recall(b, trust=trust)
        beside_studies.check(*runs)
        return report_folder.write(out, lambda: beside_studies.files(*runs))
    compared = comparison_file.recall(a), comparison_file.recall(b)
    return report_folder.write(out, lambda: beside_comparisons.files(*compared))


def kind(folder: Path) -> str:
    """Return what a folder holds, "comparison" or "study"; ValueError for no folder, and for neither."""
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    if (folder / "study.json").exists():
        return "study"
    if any((folder / name).exists() for name in (comparison_file.FILE, comparison_file.RESULT)):
        return "comparison"
    raise ValueError(
        f"{folder} holds no run: it has neither study.json (of memsim study) nor {comparison_file.FILE} "
        "(of memsim compare)"
    )
