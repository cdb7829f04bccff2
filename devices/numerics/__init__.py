"""Random streams, and float32 arithmetic whose bits depend on values alone: what every kernel is made of."""
