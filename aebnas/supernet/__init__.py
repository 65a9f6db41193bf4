"""One network that holds every network of a space: shared weights, their training, extraction."""
