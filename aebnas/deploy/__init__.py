"""Networks on their device: export, the session that runs them, its timing."""
