"""Reading arrays: drives in, currents through converters, numbers out."""
