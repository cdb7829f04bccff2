"""The chip card: every number of a chip that is not learned, and its file."""
