"""Training one network in full, up to its checkpoint."""
