"""Taking candidates from fidelity to fidelity: within a generation by shares, in the end by rank."""
