"""Surrogates: predictions that choose what is worth a training, and that must earn their place."""
