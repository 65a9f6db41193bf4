"""The sections of a search-space file as validated models."""
