"""The doctor knows good pairs from bad ones, and sees the ones that break here."""

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from memsim.studies.cli import app
from memsim.studies.commands import doctor as clinic

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("python", "aihwkit", "torch"),
    [
        ((3, 10), "1.1.0", "2.10.0"),
        ((3, 11), "1.1.0", "2.11.0+cpu"),
        ((3, 12), "1.1.0", "2.12.1"),
        ((3, 12), "1.2.0", "2.14.1"),
        ((3, 13), "1.2.0", "2.15.0"),
    ],
)
def test_a_pair_that_works_draws_no_advice(python: tuple[int, int], aihwkit: str, torch: str) -> None:
    assert clinic.judge(python, aihwkit, torch) == ""


@pytest.mark.parametrize(
    ("python", "aihwkit", "torch", "said", "remedy"),
    [
        ((3, 11), "1.1.0", "2.9.1", "torch 2.9.1", '"aihwkit==1.1.0" "torch==2.11.*"'),
        ((3, 11), "1.1.0", "2.13.0", "torch 2.13.0", '"aihwkit==1.1.0" "torch==2.11.*"'),
        ((3, 11), "1.1.0", "2.15.0", "torch 2.15.0", '"aihwkit==1.1.0" "torch==2.11.*"'),
        ((3, 12), "1.2.0", "2.12.0", "torch 2.12.0", '"aihwkit==1.1.0" "torch==2.11.*"'),
        ((3, 13), "1.2.0", "2.10.0", "torch 2.10.0", '"aihwkit==1.2.0" "torch==2.14.*"'),
        ((3, 11), "1.2.0", "2.14.0", "no wheel for Python 3.11", '"aihwkit==1.1.0"'),
        ((3, 13), "1.1.0", "2.11.0", "no wheel for Python 3.13", '"aihwkit==1.2.0"'),
        ((3, 11), "0.9.2", "2.11.0", "aihwkit 0.9.2", '"aihwkit==1.1.0"'),
        ((3, 11), None, "2.11.0", "aihwkit missing", '"aihwkit==1.1.0"'),
        ((3, 13), None, None, "aihwkit and torch missing", '"torch==2.14.*"'),
        ((3, 14), "1.2.0", "2.15.0", "this is 3.14", "PYTHON="),
        ((3, 9), "1.1.0", "2.10.0", "this is 3.9", "PYTHON="),
    ],
)
def test_a_bad_pair_draws_one_sentence_with_the_remedy(
    python: tuple[int, int], aihwkit: str | None, torch: str | None, said: str, remedy: str
) -> None:
    advice = clinic.judge(python, aihwkit, torch)
    assert said in advice and remedy in advice
    assert "\n" not in advice and len(re.findall(r"\.(?:\s+[A-Z]|$)", advice)) == 1


@pytest.mark.parametrize("python", sorted(clinic.RECOMMENDED))
def test_pyproject_pins_what_the_doctor_recommends(python: tuple[int, int]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    environment = {"python_version": ".".join(map(str, python))}
    pins = {
        need.name: str(need.specifier)
        for need in map(Requirement, project["dependencies"])
        if need.marker is None or need.marker.evaluate(environment)
    }
    aihwkit, torch, torchvision = clinic.RECOMMENDED[python]
    assert pins["aihwkit"] == f"=={aihwkit}"
    assert pins["torch"] == f"=={torch}.*"
    assert pins["torchvision"] == f"=={torchvision}.*"
    assert clinic.judge(python, aihwkit, f"{torch}.0") == ""


def test_the_compiled_tile_here_is_built_and_right() -> None:
    clinic.compiled_tile()


def test_the_torch_tile_here_is_built_and_right() -> None:
    clinic.torch_tile()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(0)", ""),
        ("raise RuntimeError('weights must be a CPU tensor')", "RuntimeError: weights must be a CPU tensor"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the interpreter died (exit status -11)"),
    ],
)
def test_a_crash_is_a_finding(code: str, said: str) -> None:
    assert clinic._error_of(code) == said


def test_a_silent_probe_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clinic, "PROBE_TIMEOUT", 0.2)
    assert clinic._error_of("import time; time.sleep(60)") == "no answer within 0 s"


def test_a_tile_that_reads_wrongly_is_refused() -> None:
    torch = pytest.importorskip("torch")
    clinic._compare(torch.ones(3), torch.ones(3))
    for wrong in (1.001 * torch.ones(3), torch.full((3,), torch.nan)):
        with pytest.raises(RuntimeError, match="perfect read"):
            clinic._compare(wrong, torch.ones(3))


def test_the_command_reports_every_check_and_exits_0_only_when_all_are_well() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    checks = json.loads(result.stdout)
    assert checks["torch"]["found"] == metadata.version("torch")
    assert {"python", "memsim", "numba", "aihwkit/torch pair", "compiled tile", "torch tile"} <= set(checks)
    assert result.exit_code == (0 if all(check["ok"] for check in checks.values()) else 1)
    assert checks["compiled tile"]["ok"] and checks["torch tile"]["ok"]


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        (
            {"torch": "2.13.0", "torchvision": "0.28.0", "aihwkit": "1.1.0"},
            "aihwkit 1.1.0 is not known to work beside torch 2.13.0: run ",
        ),
        ({"torch": "2.13.0", "aihwkit": "1.1.0"}, "beside torch 2.13.0: run "),
        ({"aihwkit": "1.1.0"}, "torch missing: run "),
        ({"torch": "2.11.0", "aihwkit": "1.1.0"}, "torchvision is not installed: run "),
    ],
)
def test_a_wrong_environment_is_one_sentence_and_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], said: str
) -> None:
    versions = {"memsim": "0.1.0", "numba": "0.68.1"} | installed
    fits = installed.get("torch") == "2.11.0"
    monkeypatch.setattr(clinic, "_version", versions.get)
    monkeypatch.setattr(clinic.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(clinic, "_error_of", lambda code: "" if fits else "RuntimeError: not a CPU tensor")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert result.stdout.count(said) == 1
    assert result.stdout.count("run ") == 1
