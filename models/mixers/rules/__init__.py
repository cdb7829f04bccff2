"""Rules for the weights of stored lines, computed from the scores of a reader; one rule in each file."""
