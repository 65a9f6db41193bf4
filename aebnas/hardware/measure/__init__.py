"""Measuring layers and whole networks on one device."""
