"""Parts that networks share: neurons, attention, the STDP window."""
