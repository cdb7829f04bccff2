"""What a terminal or a pipe cannot take costs no result: ASCII alone, a closed pipe, brackets and dollars."""

import io
import json
import os
import subprocess
import sys

import pytest

from memsim.studies.commands import terminal

COMMAND = [sys.executable, "-m", "memsim.studies.cli"]


def test_letters_that_an_encoding_lacks_are_written_in_others(monkeypatch):
    bytes_of = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(bytes_of, encoding="ascii", write_through=True))
    terminal.show_whatever_the_terminal_can()
    print("3 µJ ± 5 % × 2 Ω … é 漢 \udcff")
    assert bytes_of.getvalue().decode("ascii") == "3 uJ +- 5 % x 2 ohm ... e \\u6f22 \\udcff\n"


@pytest.mark.slow
@pytest.mark.parametrize("words", [["devices"], ["devices", "pcm-joshi2020"], ["--help"], ["card"]])
def test_commands_speak_to_an_ascii_terminal(words):
    plain = os.environ | {"PYTHONIOENCODING": "ascii", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run([*COMMAND, *words], capture_output=True, env=plain)
    out = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in out and "codec" not in out
    assert done.returncode == (2 if words == ["card"] else 0)


@pytest.mark.slow
def test_a_closed_pipe_loses_no_result(tmp_path):
    out = tmp_path / "a [/x] $b"
    words = ["compare", "--images", "4", "--chips", "1", "--out", str(out)]
    read, write = os.pipe()
    os.close(read)  # nobody listens
    done = subprocess.run([*COMMAND, *words], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert b"Traceback" not in done.stderr
    assert json.loads((out / "result.json").read_text())
    assert (out / "report.html").stat().st_size > 10_000
