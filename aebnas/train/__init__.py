"""The chosen network: trained in full, scored once on test data."""
