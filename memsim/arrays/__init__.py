"""Arrays of devices: weights and attention on them, how they are written, and read through converters."""
