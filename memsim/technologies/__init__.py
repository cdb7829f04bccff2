"""Built-in technology cards (TOML)."""
