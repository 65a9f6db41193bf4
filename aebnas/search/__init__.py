"""Proposing, evaluating and keeping candidates."""
