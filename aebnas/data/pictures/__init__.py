"""One picture file: its size, its pixels, what its bits mean."""
