"""Mapping: which module of a network is executed on which arrays."""
