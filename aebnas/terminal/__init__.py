"""What a terminal of any width shows: a number stands there whole, or not at all."""
