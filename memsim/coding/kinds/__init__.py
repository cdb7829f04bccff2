"""The codings of weights, one file each."""
