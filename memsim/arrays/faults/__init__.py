"""Faults of arrays: stuck devices and open lines, the spares that take their place, and what is left."""
