"""The exit policies and their table."""
