"""A hundred and fifty strange argument lists: one message and an exit code, never a traceback."""

import random

import pytest
from typer.testing import CliRunner

from memsim.studies.cli import app

CARD = (
    "--card",
    "--weights",
    "--attention",
    "--only",
    "--without",
    "--chips",
    "--images",
    "--time",
    "--seed",
    "--dataset",
)
COMMANDS = {
    ("compare", "--engine", "none"): (*CARD, "--model", "--net", "--explain", "--data", "--out"),
    ("study", "drift", "--model", "no-such-network"): (*CARD, "--workers", "--limit", "--data", "--out"),
    ("devices", "no-such-cell"): ("--json", "--out"),
    ("report", "no-such-folder"): ("--out", "--trust"),
    ("bench", "no-such-bench"): ("--threads",),
    ("train", "no-such-set"): ("--attention", "--epochs", "--seed", "--precision", "--steps", "--plot"),
}  # fmt: skip
"""What would be refused in any case, so that no list begins a run, and the options it may have."""

WORDS = (
    "", " ", "0", "-1", "1e9", "nan", "inf", "x", "[/x]", "$_{", "../..", "/dev/null", "/proc/none", "a\nb",
    "x" * 5000, "--", "s2tdpt-digits.toml", "file.py:", ":make", "1s,", "9" * 20, "\x1b[31m", "True", "ä",
)  # fmt: skip


@pytest.mark.slow
def test_strange_arguments_are_refused_in_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw, runner = random.Random(0), CliRunner()
    for n in range(150):
        words, options = [(list(words), options) for words, options in COMMANDS.items()][n % len(COMMANDS)]
        for _ in range(draw.choice((1, 2, 3))):
            words += [draw.choice(options), draw.choice(WORDS)]
        done = runner.invoke(app, words)
        assert isinstance(done.exception, (SystemExit, ValueError, OSError, ImportError)), (
            words,
            done.exception,
        )
        assert done.exit_code != 0 and "Traceback" not in done.output, words
