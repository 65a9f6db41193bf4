"""The store of a run: its database, and every value that is read from it checked."""
