"""The built wheel, beside a user's own folders `models` and `devices`."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def snippet() -> str:
    """README's lines of Python."""
    found = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return next(code for code in found if "breakdown()" in code)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, and nothing else."""
    if not importlib.util.find_spec("hatchling"):
        pytest.skip("hatchling is not installed, and building it in isolation needs a network")
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run([*pip, *build], check=True, capture_output=True, cwd=wheels)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    return site


@pytest.mark.slow
def test_readme_runs_beside_own_packages(installed: Path, tmp_path: Path) -> None:
    """The wheel puts one name into site-packages; a user's packages of our rooms' names stay the user's."""
    folders = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert folders <= {"memsim", "bin"}
    for name in ("models", "devices", "studies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n", encoding="utf-8")
    code = snippet() + (
        "\nimport devices, models as own, studies\n"
        "assert own.MINE and devices.MINE and studies.MINE\n"
        "print('file', memsim.__file__)\n"
    )
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(installed)])
    done = subprocess.run(
        [sys.executable, "mine.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"file {installed}" in done.stdout
    assert "ADC" in done.stdout  # the breakdown
