"""Sequence mixers: what a token takes from the tokens before it, by a memory of lines or of one state."""
