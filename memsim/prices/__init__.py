"""Prices of single events, by circuit and technology node."""
