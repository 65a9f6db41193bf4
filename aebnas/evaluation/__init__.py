"""From an architecture to an evaluation."""
