"""Settings every test shares: no window is opened, property tests draw the same examples in every run, and
workers that run tests side by side share the cores.
"""

import os

import pytest
import torch
from hypothesis import settings

from memsim.devices import registry

os.environ["MPLBACKEND"] = "Agg"
torch.set_num_threads(max(1, torch.get_num_threads() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))))


@pytest.fixture(autouse=True)
def _cells_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that a test registers are gone after it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


settings.register_profile("memsim", derandomize=True, deadline=None, database=None)
settings.load_profile("memsim")
