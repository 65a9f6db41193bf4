"""Heads on a network that stays as it is: features once, every exit branch once, sets of them for free."""
