"""Writing attention arrays: pulse counts, verification, and what a write costs."""
