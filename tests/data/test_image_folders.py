"""Folders of class folders of images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aebnas.data.readers.folder import read_folder
from aebnas.errors import DataError

RED, GREY = (200, 10, 20), 77


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of two 4 x 3 RGB images."""
    for name, shade in (("cat", 10), ("dog", 200)):
        for i in range(2):
            save(tmp_path / "pets" / name / f"{i}.png", Image.new("RGB", (4, 3), (shade, i, 0)))
    return tmp_path / "pets"


def test_classes_are_the_sorted_folder_names(folder: Path) -> None:
    train, test, classes, _ = read_folder(folder, None)
    assert (classes, test, train.shape) == (("cat", "dog"), None, (3, 4, 3))
    np.testing.assert_array_equal(train.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(train.pixels[:, 0, 0], [[10, 0, 0], [10, 1, 0], [200, 0, 0], [200, 1, 0]])


def test_a_test_folder_becomes_the_test_split(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "train")
    save(tmp_path / "test" / "dog" / "a.png", Image.new("RGB", (4, 3)))
    train, test, _, _ = read_folder(tmp_path, None)
    assert (len(train), test.labels.tolist()) == (4, [1])


def test_a_class_that_is_only_in_test_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "train")
    save(tmp_path / "test" / "fox" / "a.png", Image.new("RGB", (4, 3)))
    with pytest.raises(DataError, match="fox: a test class without training images"):
        read_folder(tmp_path, None)


def test_a_folder_beside_train_is_not_silently_left_out(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "train")
    (tmp_path / "extra").mkdir()
    with pytest.raises(DataError, match="also extra/"):
        read_folder(tmp_path, None)


def test_grey_files_alone_give_one_channel(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", Image.new("L", (2, 2), GREY))
    save(tmp_path / "b" / "1.png", Image.fromarray(np.full((2, 2), GREY * 256, np.uint16)))
    train, *_ = read_folder(tmp_path, None)
    assert train.shape == (2, 2, 1)
    assert set(train.pixels.ravel().tolist()) == {GREY}


def test_one_coloured_file_gives_three_channels_to_all(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", Image.new("L", (2, 2), GREY))
    save(tmp_path / "b" / "1.png", Image.new("RGB", (2, 2), RED))
    train, *_ = read_folder(tmp_path, None)
    np.testing.assert_array_equal(train.pixels[:, 0, 0], [[GREY] * 3, RED])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_transparent_pixel_is_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 0)).convert(mode)
    save(tmp_path / "a" / "1.png", image, **({"transparency": image.getpixel((0, 0))} if mode == "P" else {}))
    save(tmp_path / "b" / "1.png", Image.new("RGB", (2, 2)))
    train, *_ = read_folder(tmp_path, None)
    assert train.pixels[0].min() == 255


def test_exif_orientation_turns_the_image(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2))
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to show it
    save(tmp_path / "a" / "1.png", image, exif=exif)
    save(tmp_path / "b" / "1.png", Image.new("RGB", (2, 4)))
    train, *_ = read_folder(tmp_path, None)
    assert train.shape == (4, 2, 3)
    assert tuple(train.pixels[0, 0, 1]) == RED


def test_differing_sizes_name_the_option_that_cures_them(folder: Path) -> None:
    save(folder / "dog" / "9.png", Image.new("RGB", (5, 3)))
    with pytest.raises(DataError, match=r"9\.png: 5 x 3 pixels.*4 x 3.*data\.image_size: 4"):
        read_folder(folder, None)


def test_image_size_keeps_the_middle_square(tmp_path: Path) -> None:
    striped = np.zeros((4, 12, 3), np.uint8)
    striped[:, 4:8] = RED
    save(tmp_path / "a" / "1.png", Image.fromarray(striped))
    save(tmp_path / "b" / "1.png", Image.new("RGB", (7, 9)))
    train, *_ = read_folder(tmp_path, 4)
    assert train.shape == (4, 4, 3)
    assert {tuple(pixel) for pixel in train.pixels[0].reshape(-1, 3).tolist()} == {RED}


def test_shrinking_averages_instead_of_dropping_pixels(tmp_path: Path) -> None:
    checks = np.indices((8, 8)).sum(0) % 2 * 200
    for name in ("a", "b"):
        save(tmp_path / name / "1.png", Image.fromarray(checks.astype(np.uint8)))
    train, *_ = read_folder(tmp_path, 4)
    assert 95 <= train.pixels.min() <= train.pixels.max() <= 105


def test_hidden_files_are_ignored(folder: Path) -> None:
    (folder / ".DS_Store").write_text("x")
    (folder / "cat" / ".hidden").write_text("x")
    (folder / "dog" / "Thumbs.db").write_text("x")
    (folder / ".git").mkdir()
    assert len(read_folder(folder, None)[0]) == 4


def test_an_unreadable_image_is_named(folder: Path) -> None:
    (folder / "cat" / "5.png").write_text("no image")
    with pytest.raises(DataError, match=r"cat/5\.png: not a readable image"):
        read_folder(folder, None)


def test_a_truncated_image_is_named(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    path = save(folder / "cat" / "5.png", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"cat/5\.png: not a readable image"):
        read_folder(folder, None)


def test_a_decompression_bomb_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    with pytest.raises(DataError, match=r"cat/0\.png: refused, it could be a decompression bomb"):
        read_folder(folder, None)


def test_an_image_without_8_bit_colours_is_refused(folder: Path) -> None:
    save(folder / "cat" / "5.tiff", Image.new("F", (4, 3)))
    with pytest.raises(DataError, match="mode 'F' are not supported"):
        read_folder(folder, None)


def test_an_empty_class_folder_is_refused(folder: Path) -> None:
    (folder / "fox").mkdir()
    with pytest.raises(DataError, match="class 'fox' has 0 images"):
        read_folder(folder, None)


def test_a_folder_one_level_too_high_is_recognised(folder: Path) -> None:
    with pytest.raises(DataError, match="one level too high"):
        read_folder(folder.parent, None)


def test_a_file_beside_the_class_folders_is_named(folder: Path) -> None:
    (folder / "readme.txt").write_text("x")
    with pytest.raises(DataError, match=r"readme\.txt: a file beside the class folders"):
        read_folder(folder, None)


@pytest.mark.parametrize(("name", "message"), [("nowhere", "no such folder"), ("", "0 class folders")])
def test_a_folder_without_classes_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path / name, None)
