"""Scoring on the test images, which nothing else reads."""
