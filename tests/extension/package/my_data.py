"""Data sets of one's own: stripes that run down or across, and any table of pixels in a .npy file."""

from pathlib import Path

import numpy as np

from aebnas.extending import Arrays


def stripes(images: int = 400, side: int = 12, seed: int = 0) -> Arrays:
    """Return grey images: class 0 has columns, class 1 rows, class 2 noise alone."""
    random = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    waves = 60 * np.sign(np.sin(np.arange(side)[None] * 1.6 + random.uniform(0, 6, (images, 1))))
    values = random.normal(128, 30, (images, side, side))
    values += np.where((labels == 0)[:, None, None], waves[:, None, :], 0)
    values += np.where((labels == 1)[:, None, None], waves[:, :, None], 0)
    pixels = np.clip(values, 0, 255).astype(np.uint8)[..., None]
    return Arrays(train=(pixels, labels), classes=("columns", "rows", "noise"))


def table(path: str, side: int) -> Arrays:
    """Read rows of pixels whose first value is the label."""
    rows = np.load(Path(path))
    return Arrays(train=(rows[:, 1:].reshape(-1, side, side, 1), rows[:, 0]))
