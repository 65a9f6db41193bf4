"""What a run's early-exit networks are held against: static networks, and what exits gain over them."""
