"""What networks are for.  This half needs no torch: losses stand in ``aebnas.training``."""
