"""Synthetic tasks on sequences, generated from a seed, and the training of sequence networks on them."""
