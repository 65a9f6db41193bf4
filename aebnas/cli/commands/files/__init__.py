"""Commands about search-space files."""
