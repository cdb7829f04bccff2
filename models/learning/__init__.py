"""Networks that learn on arrays: neurons for e-prop, and the training loop over images."""
