"""Compiled array kernels for the CPU."""
