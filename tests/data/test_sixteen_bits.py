"""16-bit pictures: brought to 8 bits by the range of the whole data set, told in one line, or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.picture_seeds import deep_png, portable
from PIL import Image

from aebnas.config.schema import DataConfig
from aebnas.data.dataset import Extras
from aebnas.data.pictures.pixels import read_pixels, read_training_pixels
from aebnas.data.readers.folder import read_folder
from aebnas.errors import DataError
from aebnas.train.full.images import final_images

Save = Callable[[np.ndarray, Path], None]


def as_pgm(values: np.ndarray, path: Path) -> None:
    head = b"P5\n%d %d\n65535\n" % values.shape[::-1]
    path.write_bytes(head + values.astype(">u2").tobytes())


def as_32_bits(values: np.ndarray, path: Path) -> None:
    Image.fromarray(values.astype(np.int32)).save(path.with_suffix(".tiff"))


SAVE: dict[str, Save] = {
    "png": lambda values, path: Image.fromarray(values.astype(np.uint16)).save(path.with_suffix(".png")),
    "tiff": lambda values, path: Image.fromarray(values.astype(np.uint16)).save(path.with_suffix(".tiff")),
    "32-bit tiff": as_32_bits,
    "pgm": as_pgm,
}


def ramp(highest: int) -> np.ndarray:
    return np.linspace(0, highest, 64).round().astype(np.int64).reshape(8, 8)


def folder_of(tmp_path: Path, save: Save, *highest: int) -> Path:
    """Write one file of each range, in turn to class a and class b, and return their folder."""
    for i, top in enumerate(highest):
        place = tmp_path / "data" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        save(ramp(top), place / f"{i}")
    return tmp_path / "data"


def by_name(folder: Path) -> tuple[dict[str, np.ndarray], Extras]:
    train, _, _, extras = read_folder(folder, None)
    return dict(zip([Path(name).stem for name in train.names], train.pixels[..., 0], strict=True)), extras


@pytest.mark.parametrize("kind", SAVE)
@pytest.mark.parametrize(
    ("highest", "depth"),
    [
        (1, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16_383, 14),
        (16_384, 16), (65_535, 16),
    ],
)  # fmt: skip
def test_the_highest_value_of_all_files_tells_the_depth(
    tmp_path: Path, kind: str, highest: int, depth: int
) -> None:
    images, extras = by_name(folder_of(tmp_path, SAVE[kind], highest, highest // 2))
    assert extras.depth == depth
    np.testing.assert_array_equal(images["0"], ramp(highest) >> (depth - 8))
    np.testing.assert_array_equal(images["1"], ramp(highest // 2) >> (depth - 8))
    assert (
        f"goes up to {highest:,}, so it is read as {depth} bits: value / {1 << depth - 8}" in extras.notes[0]
    )


def test_the_range_is_that_of_all_parts_not_of_one_file(tmp_path: Path) -> None:
    for part, highest in (("train", 200), ("test", 4000)):
        for name in "ab":
            (tmp_path / part / name).mkdir(parents=True)
            SAVE["png"](ramp(highest), tmp_path / part / name / "1")
    train, test, _, extras = read_folder(tmp_path, None)
    assert (extras.depth, train.pixels.max(), test.pixels.max()) == (12, 200 >> 4, 4000 >> 4)  # type: ignore[union-attr]


@pytest.mark.parametrize("low", [255, 4095])
def test_files_that_become_nearly_black_beside_brighter_ones_are_told(tmp_path: Path, low: int) -> None:
    images, extras = by_name(folder_of(tmp_path, SAVE["png"], low, 65_535, 0, 65_535, low))
    assert images["0"].max() == images["4"].max() == low >> 8
    assert extras.notes[1].startswith(
        "2 files of 16 bits have low values beside the others, and less than 16 of"
    )
    assert extras.notes[1].endswith("0.png.")


def test_colours_that_become_nearly_black_beside_brighter_ones_are_told(tmp_path: Path) -> None:
    for name, highest in (("a", 65_535), ("b", 255)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(deep_png(2, highest))
    (note,) = read_folder(tmp_path, None)[3].notes
    assert note.startswith("1 file of 16 bits has low values beside the others")
    assert note.endswith(f"{tmp_path / 'b' / '1.png'}.")


def test_8_bit_files_beside_16_bit_files_keep_their_values(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, SAVE["png"], 255, 255)
    Image.fromarray(ramp(250).astype(np.uint8)).save(folder / "a" / "plain.png")
    images, extras = by_name(folder)
    assert (extras.depth, images["0"].max(), images["plain"].max()) == (8, 255, 250)


def test_data_without_16_bit_files_have_no_depth_and_no_note(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2)).save(tmp_path / name / "1.png")
    extras = read_folder(tmp_path, None)[3]
    assert (extras.depth, extras.notes) == (None, ())


def test_a_file_is_read_twice_only_where_16_bits_turn_out_to_be_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def reading(path: Path, *rest: Any) -> Any:
        reads.append(path.stem)
        return read_training_pixels(path, *rest)

    monkeypatch.setattr("aebnas.data.readers.folder.read_training_pixels", reading)
    folder = folder_of(tmp_path, SAVE["png"], 65_535, 4095)
    Image.fromarray(ramp(250).astype(np.uint8)).save(folder / "a" / "plain.png")
    read_folder(folder, None)
    assert sorted(reads) == ["0", "1", "plain"]
    (folder / "a" / "0.png").unlink()
    reads.clear()
    read_folder(folder, None)
    assert sorted(reads) == ["1", "1", "plain"]


def test_a_training_knows_the_depth_of_its_data(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, SAVE["png"], *(4095 - i for i in range(40)))
    assert final_images(DataConfig(folder=str(folder))).depth == 12


def test_negative_and_larger_values_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, as_32_bits, 100, 100)
    as_32_bits(ramp(70_000), folder / "a" / "8")
    as_32_bits(ramp(100) - 50, folder / "a" / "9")
    with pytest.raises(DataError) as caught:
        read_folder(folder, None)
    assert "8.tiff: has values from 0 to 70,000; only 0 to 65,535 can be read" in str(caught.value)
    assert "9.tiff: has values from -50 to 50" in str(caught.value)


@pytest.mark.parametrize("colour", [2, 4, 6])
@pytest.mark.parametrize("highest", [255, 4095])
def test_16_bit_colours_that_would_be_nearly_black_are_refused(
    tmp_path: Path, colour: int, highest: int
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(deep_png(colour, highest))
    with pytest.raises(
        DataError, match=rf"1\.png: 16-bit colours of which at most {highest:,} of 65,535.*8 bits"
    ):
        read_folder(tmp_path, None)


@pytest.mark.parametrize("content", [deep_png(2, 65_535), portable(b"P6", 65_535, wide=True)])
def test_16_bit_colours_of_full_range_keep_their_high_halves(tmp_path: Path, content: bytes) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(content)
    train, _, _, extras = read_folder(tmp_path, None)
    assert (train.pixels.max(), train.pixels.min(), extras.depth) == (255, 0, 16)


@pytest.mark.parametrize(
    ("highest", "depth", "expected"),
    [
        (255, 8, 255), (200, 12, 12), (4095, 12, 255), (200, 16, 0), (65_535, 16, 255), (65_535, None, 255),
        (4096, None, 16),
    ],
)  # fmt: skip
def test_a_single_file_is_prepared_as_the_training_was(
    tmp_path: Path, highest: int, depth: int | None, expected: int
) -> None:
    SAVE["png"](ramp(highest), tmp_path / "1")
    assert read_pixels(tmp_path / "1.png", None, 1, depth).max() == expected


@pytest.mark.parametrize(("highest", "depth"), [(256, 8), (4096, 12), (65_535, 14)])
def test_a_file_beyond_the_range_of_the_training_is_refused(tmp_path: Path, highest: int, depth: int) -> None:
    SAVE["png"](ramp(highest), tmp_path / "1")
    with pytest.raises(DataError, match=f"1.png: has 16-bit values up to {highest:,}.* read as {depth} bits"):
        read_pixels(tmp_path / "1.png", None, 1, depth)


@pytest.mark.parametrize("highest", [1, 255, 4095])
def test_a_dark_16_bit_file_is_refused_where_the_training_had_none(tmp_path: Path, highest: int) -> None:
    SAVE["png"](ramp(highest), tmp_path / "1")
    with pytest.raises(DataError, match=f"reach at most {highest:,} of 65,535.*Save such files with 8 bits"):
        read_pixels(tmp_path / "1.png", None, 1)


@pytest.mark.parametrize("depth", [None, 8, 12])
def test_dark_16_bit_colours_are_refused_where_the_training_had_none(
    tmp_path: Path, depth: int | None
) -> None:
    (tmp_path / "1.png").write_bytes(deep_png(2, 4095))
    with pytest.raises(DataError, match=r"reach at most 4,095 of 65,535"):
        read_pixels(tmp_path / "1.png", None, 3, depth)
    assert read_pixels(tmp_path / "1.png", None, 3, 16).max() == 4095 >> 8


def test_the_transparent_value_of_a_16_bit_file_is_white(tmp_path: Path) -> None:
    Image.fromarray(ramp(65_535).astype(np.uint16)).save(tmp_path / "1.png", transparency=0)
    pixels = read_pixels(tmp_path / "1.png", None, 1, 16)[..., 0]
    assert (pixels[0, 0], pixels[0, 1], pixels.shape) == (255, 1040 >> 8, (8, 8))


def test_turned_16_bit_files_are_turned(tmp_path: Path) -> None:
    values = np.arange(8).reshape(2, 4) * 8000
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / "1.tiff", tiffinfo={274: 6})
    np.testing.assert_array_equal(
        read_pixels(tmp_path / "1.tiff", None, 1, 16)[..., 0], np.rot90(values >> 8, -1)
    )
