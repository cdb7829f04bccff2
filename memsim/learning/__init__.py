"""Learning on arrays: weight arrays of pulsed cells, and rules for the change of their weights."""
