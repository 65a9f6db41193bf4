"""Trying hyperparameters of one network."""
