"""Hardware profiles: tables of measured layers, their correction and validation."""
