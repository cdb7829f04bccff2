"""Layers shared by several networks: neurons, attention and the STDP window."""
