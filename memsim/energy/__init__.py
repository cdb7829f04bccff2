"""Events and what they cost: ledger, prices, technologies, areas, lifetimes, and the digital rivals."""
