"""Compiled kernels on the disk: damaged ones are made again, a full or read-only disk costs compilations."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from numba import config
from numba.core import caching

from memsim.devices.numerics import kernel_cache
from memsim.devices.numerics.kernel_cache import compiled, source_stamp

PROGRAM = "def double(x):\n    return 2 * x\n"


@pytest.fixture
def program(tmp_path) -> Callable[[], list[int]]:
    """Compile a function of a file anew, as another process would: answer, hits and misses."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)

    def run() -> list[int]:
        names: dict = {"__name__": "memsim"}  # a kept kernel imports the module of its function
        exec(compile(PROGRAM, str(path), "exec"), names)
        double = compiled(nogil=True)(names["double"])
        return [double(21), double.stats.cache_hits.total(), double.stats.cache_misses.total()]

    return run


def test_a_kernel_is_kept_and_a_damaged_one_made_again(program, tmp_path):
    assert program() == [42, 0, 1]
    assert program() == [42, 1, 0]
    whole = {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ic]")}
    assert len(whole) == 2
    for path, text in whole.items():
        flipped = bytearray(text)
        flipped[len(text) // 2] ^= 16
        for damaged in (b"", text[: len(text) // 2], bytes(flipped), b"nonsense"):
            path.write_bytes(damaged)
            assert program() == [42, 0, 1], (path, len(damaged))
            assert program() == [42, 1, 0]


def test_kernels_with_checked_indices_are_kept_beside_the_others(program, monkeypatch):
    monkeypatch.setattr(config, "BOUNDSCHECK", None)  # the suite may run under NUMBA_BOUNDSCHECK=1
    assert program() == [42, 0, 1]
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    assert program() == [42, 0, 1]
    assert program() == [42, 1, 0]
    monkeypatch.setattr(config, "BOUNDSCHECK", None)
    assert program() == [42, 1, 0]


def test_a_kernel_is_known_by_the_text_of_all_it_imports_whatever_the_clock_says(tmp_path, monkeypatch):
    package = tmp_path / "memsim"
    package.mkdir()
    (package / "a.py").write_text("from memsim.b import (\n    x,\n)\n")
    (package / "b.py").write_text("from memsim import c\nx = c.y\n")
    (package / "c.py").write_text("y = 1\n")
    monkeypatch.setattr(kernel_cache, "ROOT", package)

    def stamp() -> str:
        source_stamp.cache_clear()
        kernel_cache._imported.cache_clear()
        return source_stamp(package / "a.py")

    before = stamp()
    os.utime(package / "c.py", (4e9, 4e9))  # from the future
    assert stamp() == before
    (package / "c.py").write_text("y = 2\n")
    assert stamp() != before
    (package / "c.py").write_text("y = 1\n")
    assert stamp() == before
    source_stamp.cache_clear()
    kernel_cache._imported.cache_clear()


@pytest.fixture
def full_disk(monkeypatch):
    """No folder but those in the list takes files."""
    kernel_cache._warn.cache_clear()
    takes: list[Path] = []
    make = caching.tempfile.TemporaryFile

    def temporary_file(*args, **options):
        if Path(options["dir"]) not in takes:
            raise OSError(errno.EROFS, "read-only file system")
        return make(*args, **options)

    monkeypatch.setattr(caching.tempfile, "TemporaryFile", temporary_file)
    yield takes
    kernel_cache._warn.cache_clear()


def test_where_the_package_and_home_are_read_only_kernels_lie_in_a_private_temporary_folder(
    full_disk, tmp_path, monkeypatch
):
    place = tmp_path / "kernels"
    full_disk.append(place)
    monkeypatch.setattr(kernel_cache, "temporary_folder", lambda: place)
    triple = compiled(nogil=True)(lambda x: 3 * x)
    assert triple(2) == 6 and list(place.glob("*.nbc"))
    assert place.stat().st_mode & 0o077 == 0
    place.chmod(0o777)  # anyone could plant machine code there
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR"):
        assert compiled(nogil=True)(lambda x: 4 * x)(2) == 8


def test_where_no_folder_takes_files_kernels_are_compiled_with_a_warning(full_disk):
    with pytest.warns(RuntimeWarning, match="cannot be kept .no folder takes them.*NUMBA_CACHE_DIR"):
        triple = compiled(nogil=True)(lambda x: 3 * x)
    assert triple(2) == 6


def test_a_disk_that_fills_up_costs_a_compilation(tmp_path, monkeypatch):
    kernel_cache._warn.cache_clear()

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    with pytest.warns(RuntimeWarning, match="no space left on device"):
        assert compiled(nogil=True)(lambda x: 5 * x)(2) == 10
    kernel_cache._warn.cache_clear()
