"""Networks that learn on arrays: neurons whose errors stay in one time step, and the loop over images."""
