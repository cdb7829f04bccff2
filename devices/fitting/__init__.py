"""Fitting of device cards to measurements: tables, estimates with intervals, and likelihoods."""
