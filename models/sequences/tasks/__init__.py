"""Tasks by name, one a file; see `models/sequences/registry.py`."""
