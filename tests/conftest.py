"""Settings every test shares: no window is opened, and property tests draw the same examples in every run."""

import os

from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("memsim", derandomize=True, deadline=None, database=None)
settings.load_profile("memsim")
