"""Which network is trained in full, and what it is compared with."""
