"""What this machine has, and what it tells of itself while it works."""
