"""Whole networks, one file each, with their configurations."""
