"""A run in words: headline figures, warnings, the table for the terminal."""
