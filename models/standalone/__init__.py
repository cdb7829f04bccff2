"""A training program for a GPU that stands alone: `python models/standalone/train.py --help`.

Its files import one another by plain names and nothing of memsim, so the folder can be copied to a machine
that has only torch, numpy and safetensors. memsim itself uses `pictures.py` alone.
"""
