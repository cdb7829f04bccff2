"""Resistance of word and bit lines: node voltages and currents of whole arrays."""
