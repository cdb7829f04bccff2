"""What `memsim doctor` says of compiled kernels."""

from pathlib import Path

import pytest
from numba.core import caching

from memsim.devices.numerics import kernel_cache, kernel_state


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The one folder that takes files."""
    place = tmp_path / "kernels"
    for module in (kernel_cache, kernel_state):
        monkeypatch.setattr(module, "temporary_folder", lambda: place)
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    monkeypatch.setattr(kernel_cache.KernelPlace, "_locator_classes", (kernel_cache.TemporaryLocator,))
    return place


def test_a_temporary_place_and_damage_are_said(place):
    found, advice = kernel_state.state()
    assert f"{place}, 0 files" in found and "NUMBA_CACHE_DIR" in advice
    (place / "one.nbc").write_bytes(b"cut off")
    assert "1 files, 1 of them damaged" in kernel_state.state()[0]


def test_a_full_disk_is_said(place, monkeypatch):
    usage = type("Usage", (), {"free": 3e6})
    monkeypatch.setattr(kernel_state.shutil, "disk_usage", lambda _: usage)
    found, advice = kernel_state.state()
    assert "3 MB are free" in found and "NUMBA_CACHE_DIR" in advice


def test_no_place_is_said(place, monkeypatch):
    monkeypatch.setattr(kernel_cache.KernelPlace, "_locator_classes", ())
    found, advice = kernel_state.state()
    assert "every start compiles them" in found and "NUMBA_CACHE_DIR" in advice


def test_here_kernels_lie_beside_their_source():
    found, _ = kernel_state.state()
    assert found.startswith(str(Path(kernel_cache.__file__).parent))
