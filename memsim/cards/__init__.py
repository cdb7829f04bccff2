"""Built-in chip cards (TOML)."""
