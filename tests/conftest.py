"""Settings every test shares: no window is opened, property tests draw the same examples in every run, and
workers that run tests side by side share the cores.
"""

import os

import torch
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
torch.set_num_threads(max(1, torch.get_num_threads() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))))

settings.register_profile("memsim", derandomize=True, deadline=None, database=None)
settings.load_profile("memsim")
