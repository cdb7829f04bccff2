"""Ways to drive a row with a number, one a file; each registers its kind in `memsim.converters.kinds`."""
