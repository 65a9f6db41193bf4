"""AEBNAS: hardware-aware neural architecture search for early-exit networks."""

__version__ = "0.1.0"
