"""Kinds of ADC, one a file; each file registers its kind in `memsim.converters.kinds`."""
