"""Commands about chosen networks."""
