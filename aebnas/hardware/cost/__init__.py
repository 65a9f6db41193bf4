"""What a layer costs on every device: MACs, parameters, activation memory."""
