"""Cells that pulses change, one law a file, and what is done around a cell: synapses, wear, resets."""
