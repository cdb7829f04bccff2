"""Training recipes, fine-tuning and the bundled networks."""
