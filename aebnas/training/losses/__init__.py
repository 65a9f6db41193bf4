"""Ways of training: settings to phases."""
