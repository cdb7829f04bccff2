"""Rows: what was appended is read back, what is damaged is skipped, what is of another version is refused."""

import contextlib
import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import memsim
from memsim.studies.evaluation.result import Result
from memsim.studies.running import source
from memsim.studies.running.rows import FORMAT, encode, plain, read, row
from memsim.studies.running.source import VERSION, code_of
from memsim.studies.running.store import Store
from memsim.studies.running.task import Task


def task(n: int) -> Task:
    return Task(study="tiny", labels={"n": n, "name": "µ"}, shared={"card": {"g [S]": 1e-6}}, own={"n": n})


def good(n: int, **result) -> dict:
    return row(task(n), {"result": Result(total={"x": n / 3, **result}).json(), "wall_time [s]": 0.1})


def bad(n: int, error: str = "ValueError: no") -> dict:
    return row(task(n), {"failure": {"error": error, "traceback": "..."}, "wall_time [s]": 0.1})


def write(path, *rows_or_lines) -> None:
    path.write_bytes(b"".join(r if isinstance(r, bytes) else encode(r) for r in rows_or_lines))


def xs(path, said: list | None = None) -> list:
    found = read(path, (said if said is not None else []).append)
    return [r["result"]["total"]["x"] if "result" in r else r["failure"]["error"] for r in found]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def test_a_row_has_the_public_keys_and_its_task_whole(path):
    with Store(path) as store:
        store.append(good(1))
    line = json.loads(path.read_text())
    assert list(line) == [
        "format", "memsim", "code", "with", "id", "study", "labels", "shared", "own", "result",
        "wall_time [s]", "check",
    ]  # fmt: skip
    assert (line["format"], line["memsim"], line["id"]) == (FORMAT, VERSION, task(1).id)
    assert Task(**{key: line[key] for key in ("study", "labels", "shared", "own")}).id == line["id"]


def test_numbers_come_back_bit_for_bit(path):
    values = [1 / 3, 5e-324, -0.0, 1.7976931348623157e308, math.pi, 2**70]
    with Store(path) as store:
        store.append(row(task(1), {"result": Result(series={"values": values}).json()}))
    (found,) = read(path)
    assert [v.hex() if isinstance(v, float) else v for v in found["result"]["series"]["values"]] == [
        v.hex() if isinstance(v, float) else v for v in values
    ]


def test_the_first_result_of_a_task_counts_and_a_failure_gives_way_to_it(path):
    write(path, bad(1), good(1, x=1), good(1, x=2), bad(1), bad(2, "first"), bad(2, "last"))
    assert xs(path) == [1, "last"]
    with Store(path) as store:
        assert store.done == {task(1).id}


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:-20] + b"\n",
        lambda line: line.replace(b'"x"', b'"y"'),
        lambda line: line[:-30] + b"\xff" + line[-29:],
        lambda line: b"\0" * 40 + b"\n",
        lambda line: b"5\n",
        lambda line: b"[" * 100_000 + b"\n",
        lambda line: line.replace(b"0.6666666666666666", b"NaN"),
    ],
)
def test_a_damaged_line_is_skipped_with_its_place_and_consequence(path, damage):
    write(path, good(1), damage(encode(good(2))), good(3))
    said = []
    assert xs(path, said) == [1 / 3, 1.0]
    assert len(said) == 1
    assert f"{path}, line 2" in said[0]
    assert "its task runs again" in said[0]
    with Store(path, lambda _: None) as store:
        assert store.done == {task(1).id, task(3).id}


def test_a_half_written_last_row_is_tolerated_and_the_next_row_starts_a_line(path):
    half = encode(good(2))[:-25]
    write(path, good(1), half)
    said = []
    assert (xs(path, said), said) == ([1 / 3], [])
    with Store(path, said.append) as store:
        assert (store.done, said) == ({task(1).id}, [])
        store.append(good(3))
        store.append(good(2))
        store.refresh()
        assert len(said) == 1
        assert store.done == {task(n).id for n in (1, 2, 3)}
    assert path.read_bytes() == encode(good(1)) + half + b"\n" + encode(good(3)) + encode(good(2))


def test_a_whole_last_row_that_lacks_its_end_alone_is_read(path):
    write(path, good(1), encode(good(2))[:-1])
    assert xs(path) == [1 / 3, 2 / 3]
    with Store(path) as store:
        store.append(good(3))
    assert xs(path) == [1 / 3, 2 / 3, 1.0]


@pytest.mark.parametrize("key", ["format", "memsim"])
def test_rows_of_another_format_or_version_are_refused_with_both_and_the_remedy(path, key):
    other = "memsim-row-7" if key == "format" else "0.0.7"
    write(path, good(1), good(2) | {key: other})
    for use in (lambda: list(read(path)), lambda: Store(path)):
        with pytest.raises(ValueError, match=r"line 2 .*7.*another folder") as refusal:
            use()
        assert (FORMAT if key == "format" else VERSION) in str(refusal.value)


def test_two_stores_on_a_file_see_each_others_rows(path):
    with Store(path) as one, Store(path) as two:
        one.append(good(1))
        two.append(good(2))
        one.append(good(3))
        for store in (one, two):
            store.refresh()
            assert store.done == {task(n).id for n in (1, 2, 3)}
    assert xs(path) == [1 / 3, 2 / 3, 1.0]


@pytest.mark.parametrize(
    ("result", "named"),
    [
        (Result(series={"b": [1.0, float("nan")]}), r"series\.b\[1\]: nan"),
        (Result(total={"a": {"b": float("inf")}}), r"total\.a\.b: inf"),
        (Result(per_chip={"a": [np.float64("nan")]}), r"per_chip\.a\[0\]: nan"),
        (Result(total={"a": np.float32(1)}), r"total\.a: a float32"),
        (Result(total={"a": {1j: 1}}), "complex"),
        (None, "NoneType"),
        ({"x": 1.0}, r"measure gave dict, not a Result: return Result\(per_chip=.*, total=.*, series="),
    ],
)
def test_what_json_has_no_word_for_is_refused_by_its_key(result, named):
    with pytest.raises(ValueError, match=named):
        plain(result)


def test_keys_that_are_numbers_become_text_and_pass_the_check(path):
    with Store(path) as store:
        store.append(good(1, by_layer={10: 1.0, 9: 2.0}))
    (found,) = read(path)
    assert found["result"]["total"]["by_layer"] == {"10": 1.0, "9": 2.0}


@contextlib.contextmanager
def small_disk(folder, size: str):
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_whole_rows_and_one_message(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as folder:
        path = folder / "rows.jsonl"
        with Store(path) as store:
            store.append(good(1))
            kept = 1
            with pytest.raises(
                OSError, match=r"rows.jsonl: No space.* earlier results are stored.*same command"
            ):
                for n in range(2, 1000):
                    store.append(good(n, filling="x" * 3000))
                    kept = n
            assert kept > 3
            assert len(xs(path)) == kept
            assert path.read_bytes().endswith(b"\n")
            os.ftruncate(store._descriptor, 10_000)  # room again: three rows and the beginning of a fourth
            store.append(good(0))
        assert xs(path, []) == [1 / 3, 2 / 3, 1.0, 0.0]


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(OSError, match=r"rows.jsonl cannot be written: Is a directory"):
        Store(tmp_path / "rows.jsonl")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package as a wheel installs it: real folders where a checkout has links."""
    copy = tmp_path_factory.mktemp("site") / "memsim"
    kinds = shutil.ignore_patterns("*.safetensors", "*.png", "__pycache__", "*.bib")
    shutil.copytree(Path(memsim.__file__).parent, copy, ignore=kinds)
    return copy


class TestCode:
    """The digest of everything that can change a number of a row."""

    def test_a_wheel_and_a_checkout_have_the_same(self, installed: Path) -> None:
        assert code_of(installed) == source.code()

    @pytest.mark.parametrize(
        ("file", "counts"),
        [
            ("studies/evaluation/taps.py", True),
            ("studies/evaluation/variants.py", True),
            ("studies/library/drift.py", True),
            ("studies/running/seats.py", True),
            ("models/measures.py", True),
            ("devices/stream.py", True),
            ("technologies/45nm.toml", True),
            ("cards/default.toml", True),
            ("studies/reports/draw.py", False),
            ("studies/speed/timing.py", False),
            ("studies/cli.py", False),
        ],
    )
    def test_what_changes_a_number_counts(self, file: str, counts: bool, installed: Path) -> None:
        path = installed / file
        before, there = code_of(installed), path.read_bytes() if path.exists() else None
        try:
            path.write_bytes((there or b"") + b"# changed\n")
            assert (code_of(installed) != before) == counts
        finally:
            path.unlink() if there is None else path.write_bytes(there)
        assert code_of(installed) == before

    def test_a_row_names_the_packages_that_numbers_come_from(self) -> None:
        found = row(task(1), {"failure": {}})["with"]
        assert set(found) == {"torch", "numpy", "numba", "scipy", "aihwkit"}
        assert found["torch"] == torch.__version__.partition("+")[0] or found["torch"] == torch.__version__
