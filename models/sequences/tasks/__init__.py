"""The tasks, one in each file; they are registered by `models/sequences/registry.py`."""
