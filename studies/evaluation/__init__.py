"""Evaluation: a network on chips beside its digital run, and the statistics of both."""
