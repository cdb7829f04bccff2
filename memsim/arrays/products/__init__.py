"""Attention whose weights are products of spikes, on arrays: in Hebbian order and in score order."""
