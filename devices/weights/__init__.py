"""Cells that hold a weight: programmed once, then drifting, relaxing and noisy; each effect an object."""
