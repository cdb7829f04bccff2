"""Seeing: where in a picture a network found its answer, digitally and on chips, and how much maps agree."""
