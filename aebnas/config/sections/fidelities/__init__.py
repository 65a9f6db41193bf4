"""The list ``evaluation.fidelities``: its kinds of items and their options, and what fits together."""
