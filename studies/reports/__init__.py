"""What becomes of results: pages, figures, tables, methods in words, bibliography."""
