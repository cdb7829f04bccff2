"""Reference engines beside memsim's own."""
