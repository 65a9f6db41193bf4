"""Logits, scores and policies: what every way of leaving is made of."""
