"""A tiny folder of photos: coloured discs, squares and stripes, as JPEGs of different sizes."""

from pathlib import Path

import numpy as np
from PIL import Image

SHAPES = ("disc", "square", "stripes")


def write_photos(folder: Path, each: int = 24, sizes: tuple[int, int] = (40, 64), seed: int = 0) -> Path:
    """Write a folder per class; return the folder.

    Args:
        folder: Where to write.
        each: Photos of one class.
        sizes: Smallest and largest height and width, in pixels.
        seed: Of colours, places and sizes.
    """
    rng = np.random.default_rng(seed)
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for i in range(each):
            height, width = (int(side) for side in rng.integers(*sizes, 2))
            Image.fromarray(_photo(shape, height, width, rng)).save(folder / shape / f"{i}.jpg", quality=90)
    return folder


def _photo(shape: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    y, x = height * rng.uniform(0.4, 0.6), width * rng.uniform(0.4, 0.6)
    radius = min(height, width) * rng.uniform(0.25, 0.35)
    inside = {
        "disc": (rows - y) ** 2 + (columns - x) ** 2 < radius**2,
        "square": (abs(rows - y) < radius) & (abs(columns - x) < radius),
        "stripes": (rows + int(x)) // 5 % 2 == 0,
    }[shape]
    colours = rng.uniform(0, 255, (2, 3))
    pixels = np.where(inside[..., None], *colours) + rng.normal(0, 6, (height, width, 3))
    return pixels.clip(0, 255).astype(np.uint8)
