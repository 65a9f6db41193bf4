"""A network in a file of its own, without its code: what a network in memory becomes for other processes."""
