"""Folders of images of another height than width."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aebnas.config.schema import DataConfig
from aebnas.data.datasets import load_dataset


def folder(path: Path, *sizes: tuple[int, int]) -> Path:
    """Two classes of 20 images; those of a class have the sizes (height, width) in turn."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (path / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 256, (*sizes[i % len(sizes)], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{i}.png")
    return path


def test_images_of_one_rectangle_are_kept_as_they_are(tmp_path: Path) -> None:
    data = load_dataset(DataConfig(folder=str(folder(tmp_path / "images", (24, 48)))))
    assert data.train.shape == (24, 48, 3)
    with Image.open(tmp_path / "images" / "a" / "0.png") as image:
        pixels = np.asarray(image)
    assert any(np.array_equal(pixels, one) for part in (data.train, data.test) for one in part.pixels)


@pytest.mark.parametrize(
    ("given", "shape"), [([12, 24], (12, 24, 3)), (12, (12, 12, 3)), ([12, 12], (12, 12, 3))]
)
def test_an_image_size_may_be_a_height_and_a_width(
    tmp_path: Path, given: Any, shape: tuple[int, ...]
) -> None:
    images = folder(tmp_path / "images", (24, 48), (40, 40), (60, 30))
    assert load_dataset(DataConfig(folder=str(images), image_size=given)).train.shape == shape


def test_images_of_the_shape_asked_for_are_shrunk_without_a_cut(tmp_path: Path) -> None:
    images = folder(tmp_path / "images", (24, 48))
    left, right = np.zeros((24, 48, 3), np.uint8), np.zeros((24, 48, 3), np.uint8)
    left[:, :4], right[:, -4:] = 255, 255
    Image.fromarray(left).save(images / "a" / "left.png")
    Image.fromarray(right).save(images / "a" / "right.png")
    data = load_dataset(DataConfig(folder=str(images), image_size=[12, 24]))
    edges = [one for part in (data.train, data.test) for one in part.pixels if (one[:, 4:-4] == 0).all()]
    assert len(edges) == 2, "what stands at the edge is still there"
