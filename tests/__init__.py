"""The tests see every room; no room sees them."""
