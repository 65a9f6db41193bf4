"""What is made once for all candidates of a search, before its workers start."""
