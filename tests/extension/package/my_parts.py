"""What the blocks beside it share: its text is part of their identity."""


def half_of(channels: int) -> int:
    """Return half of some channels, at least one."""
    return max(1, channels // 2)
