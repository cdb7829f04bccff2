"""Evaluation: a network on chips and digitally, and the statistics of both."""
