"""Building what an architecture describes."""
