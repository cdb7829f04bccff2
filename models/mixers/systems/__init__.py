"""The mixers, one system in each file; they are registered by `models/mixers/registry.py`."""
