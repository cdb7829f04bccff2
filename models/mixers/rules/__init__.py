"""Rules: the weights of stored lines, from the scores of a reader; one short pure function a file."""
