"""Mixers by name, one system a file; see `models/mixers/registry.py`."""
