"""The loop of a search: ask, evaluate, tell; what it has seen, what it may spend, how it ends."""
