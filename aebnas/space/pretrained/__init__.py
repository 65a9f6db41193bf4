"""The kind of space whose backbone is a network that somebody trained: resolution and exits are searched."""
