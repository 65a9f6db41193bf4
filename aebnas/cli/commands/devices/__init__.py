"""Commands about devices and their profiles."""
