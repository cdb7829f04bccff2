"""Memories that are written while a network runs: lines of keys and values, and one leaky state."""
