"""Sequence mixers: layers in which a token uses earlier tokens, through a memory of lines or of one state."""
