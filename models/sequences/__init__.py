"""Tasks on sequences, made offline from a seed, and the recipe that trains sequence networks on them."""
