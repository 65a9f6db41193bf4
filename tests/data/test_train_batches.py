"""Batches: what augmentation does, in which order images come, what evaluation leaves alone."""

import numpy as np
import pytest
import torch

from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.training import AugmentConfig
from aebnas.data.augment import AugmentedImages
from aebnas.data.dataset import Samples
from aebnas.data.loader import TrainBatches, eval_batches
from aebnas.data.statistics import pixel_normalisation
from aebnas.errors import ConfigError, DataError
from aebnas.task.input_spec import InputSpec, Normalisation

PLAIN = AugmentConfig()
SPEC = ("size", "normalisation", "fit", "colours", "dtype")
"""Fields of ``InputSpec`` among the settings of a test."""


def random_images(count: int, side: int = 8, channels: int = 3, low: int = 0) -> Samples:
    """Images whose label is their index; arrays are read-only, as Ray hands them out."""
    images = np.random.default_rng(count).integers(low, 256, (count, side, side, channels), dtype=np.uint8)
    labels = np.arange(count)
    images.setflags(write=False)
    labels.setflags(write=False)
    return Samples(images, labels)


def identity(channels: int) -> Normalisation:
    """What makes the normalised value the pixel value / 255."""
    return Normalisation((0.0,) * channels, (1.0,) * channels)


def spec_of(images: Samples, **changes: object) -> InputSpec:
    """What a network takes in that wants the images as they are."""
    size, channels = changes.pop("size", images.shape[:-1]), images.shape[-1]
    return InputSpec(image(channels, size), **({"normalisation": identity(channels)} | changes))


def train_batches(images: Samples, augment: AugmentConfig = PLAIN, **changes: object) -> TrainBatches:
    settings = {"device": "cpu", "batch_size": 4, "seed": 0}
    spec = spec_of(images, **{name: changes.pop(name) for name in SPEC if name in changes})
    return TrainBatches(images, spec, augment=augment, **(settings | changes))


def pixels(x: torch.Tensor) -> np.ndarray:
    """Return uint8 (batch, h, w, c) from batches normalised by ``identity``."""
    return (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def epoch(batches: TrainBatches) -> tuple[np.ndarray, np.ndarray]:
    x, y = zip(*batches, strict=True)
    return pixels(torch.cat(x)), torch.cat(y).numpy()


# ---------------------------------------------------------------- order
def test_an_epoch_holds_every_image_once_unchanged() -> None:
    images = random_images(12)
    x, y = epoch(train_batches(images))
    assert sorted(y) == list(range(12))
    np.testing.assert_array_equal(x, images.pixels[y])


def test_every_epoch_has_its_own_order() -> None:
    batches = train_batches(random_images(40))
    assert epoch(batches)[1].tolist() != epoch(batches)[1].tolist()


def test_images_beyond_the_last_full_batch_wait() -> None:
    batches = train_batches(random_images(11))
    assert [len(y) for _, y in batches] == [4, 4]
    assert len(batches) == 2


def test_fewer_images_than_a_batch_come_as_one_batch() -> None:
    batches = train_batches(random_images(3))
    assert ([len(y) for _, y in batches], len(batches)) == ([3], 1)


def test_one_image_cannot_be_trained_on() -> None:
    with pytest.raises(DataError, match="at least 2 images"):
        train_batches(random_images(1))


def test_the_same_seed_gives_the_same_epochs() -> None:
    augment = AugmentConfig(crop=2, flip=True, cutout=3)
    one, other = (train_batches(random_images(20), augment, seed=5) for _ in range(2))
    for _ in range(2):
        for a, b in zip(epoch(one), epoch(other), strict=True):
            np.testing.assert_array_equal(a, b)


def test_another_seed_gives_another_epoch() -> None:
    one, other = (train_batches(random_images(40), seed=seed) for seed in (0, 1))
    assert epoch(one)[1].tolist() != epoch(other)[1].tolist()


def test_an_epoch_left_half_way_does_not_change_the_next() -> None:
    whole, left = (train_batches(random_images(20), AugmentConfig(crop=1)) for _ in range(2))
    epoch(whole)
    next(iter(left))
    np.testing.assert_array_equal(epoch(whole)[0], epoch(left)[0])


# ---------------------------------------------------------------- augmentation
def crops(image: np.ndarray, pad: int) -> list[list[int]]:
    """Return every crop of the padded image, the slow way."""
    height, width, _ = image.shape
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    places = range(2 * pad + 1)
    return [padded[y : y + height, x : x + width].ravel().tolist() for y in places for x in places]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_is_one_of_the_crops_of_the_padded_image(channels: int) -> None:
    images = random_images(24, side=5, channels=channels)
    x, y = epoch(train_batches(images, AugmentConfig(crop=2)))
    assert all(x[i].ravel().tolist() in crops(images.pixels[y[i]], 2) for i in range(24))


def test_crops_of_an_oblong_image_keep_its_shape() -> None:
    wide = Samples(np.random.default_rng(0).integers(0, 256, (8, 3, 6, 3), np.uint8), np.arange(8))
    augmented = AugmentedImages(wide, AugmentConfig(crop=1), device=torch.device("cpu"), grey=[0, 0, 0])
    for batch in augmented.epoch(torch.arange(8), 4, torch.Generator().manual_seed(0)):
        assert batch.shape == (4, 3, 6, 3)
        assert batch[0].flatten().tolist() in [crop for image in wide.pixels for crop in crops(image, 1)]


def test_all_places_of_a_crop_are_equally_likely() -> None:
    images = Samples(np.full((9000, 3, 3, 1), 9, np.uint8), np.zeros(9000, np.int64))
    x, _ = epoch(train_batches(images, AugmentConfig(crop=1), batch_size=100))
    _, counts = np.unique(x.reshape(9000, 9), axis=0, return_counts=True)
    assert len(counts) == 9
    assert 850 < counts.min() <= counts.max() < 1150


def test_half_of_the_images_are_mirrored_and_only_left_to_right() -> None:
    images = random_images(4000, side=4)
    x, y = epoch(train_batches(images, AugmentConfig(flip=True)))
    original = images.pixels[y]
    is_same = (x == original).all((1, 2, 3))
    is_mirrored = (x == original[:, :, ::-1]).all((1, 2, 3))
    assert (is_same | is_mirrored).all()
    assert abs(is_mirrored.mean() - 0.5) < 0.03


@pytest.mark.parametrize("side", [3, 4])
def test_a_cutout_is_a_grey_square_clipped_at_the_edge(side: int) -> None:
    images = random_images(400, side=8, low=200)
    grey = Normalisation((0.4, 0.2, 0.6), (1.0, 1.0, 1.0))
    batches = train_batches(images, AugmentConfig(cutout=side), normalisation=grey)
    x, y = (torch.cat(part) for part in zip(*batches, strict=True))
    values = ((x.permute(0, 2, 3, 1) + torch.tensor(grey.mean)) * 255).round().numpy()
    is_cut = (values == [102, 51, 153]).all(3)
    np.testing.assert_array_equal(values[~is_cut], images.pixels[y.numpy()][~is_cut])
    areas = is_cut.sum((1, 2))
    height, width = is_cut.any(2).sum(1), is_cut.any(1).sum(1)
    np.testing.assert_array_equal(areas, height * width)
    assert height.max() == width.max() == side
    assert (areas == side**2).mean() > 0.3
    assert areas.min() >= (side // 2) ** 2


def test_a_cutout_square_is_mapped_to_the_mean() -> None:
    images = random_images(8, low=200)
    statistics = Normalisation((0.4, 0.2, 0.6), (0.5, 0.5, 0.5))
    x, _ = next(iter(train_batches(images, AugmentConfig(cutout=8), normalisation=statistics)))
    assert x.abs().min() == pytest.approx(0, abs=1e-6)


def test_a_cutout_larger_than_the_images_names_the_largest_valid_value() -> None:
    with pytest.raises(ConfigError, match=r"cutout 9 is larger than the images .*largest valid value is 8"):
        train_batches(random_images(4), AugmentConfig(cutout=9))


def test_augmentation_leaves_the_split_alone() -> None:
    images = Samples(random_images(8).pixels.copy(), np.arange(8))
    before = images.pixels.copy()
    epoch(train_batches(images, AugmentConfig(crop=0, flip=True, cutout=4)))
    np.testing.assert_array_equal(images.pixels, before)


# ---------------------------------------------------------------- preparation
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_batches_come_in_the_layout_and_type_that_was_asked_for(
    memory_format: torch.memory_format, dtype: str
) -> None:
    images = random_images(8)
    statistics = Normalisation((0.1, 0.4, 0.7), (0.2, 0.5, 0.3))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (statistics.mean, statistics.std))
    for x, y in train_batches(images, memory_format=memory_format, dtype=dtype, normalisation=statistics):
        assert x.is_contiguous(memory_format=memory_format)
        assert (x.dtype, x.shape) == (getattr(torch, dtype), (4, 3, 8, 8))
        plain = torch.tensor(images.pixels[y.numpy()]).permute(0, 3, 1, 2) / 255
        torch.testing.assert_close(x, ((plain - mean) / std).to(x.dtype), check_stride=False)


def test_the_train_split_has_mean_0_and_standard_deviation_1() -> None:
    images = random_images(64)
    statistics = pixel_normalisation(images)
    x = torch.cat([x for x, _ in train_batches(images, normalisation=statistics)])
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("resolution", [5, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_another_resolution_is_reached_by_antialiased_resizing(resolution: int, channels: int) -> None:
    images = random_images(4, channels=channels)
    x, y = next(iter(train_batches(images, size=resolution)))
    exact = torch.nn.functional.interpolate(
        torch.tensor(images.pixels[y.numpy()]).permute(0, 3, 1, 2) / 255,
        size=(resolution, resolution),
        mode="bilinear",
        antialias=True,
    )
    torch.testing.assert_close(x, exact, atol=1.01 / 255, rtol=0, check_stride=False)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_statistics_equal_the_textbook_formula() -> None:
    images = random_images(50, side=9)
    scaled = images.pixels / 255
    statistics = pixel_normalisation(images)
    np.testing.assert_allclose(statistics.mean, scaled.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, scaled.std((0, 1, 2)), rtol=1e-9)


def test_statistics_of_uniform_images_do_not_divide_by_zero() -> None:
    black = Samples(np.zeros((2, 4, 4, 1), np.uint8), np.arange(2))
    x, _ = next(iter(train_batches(black, normalisation=pixel_normalisation(black))))
    assert x.isfinite().all()


# ---------------------------------------------------------------- evaluation
def evaluate(images: Samples, batch_size: int, **changes: object) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(eval_batches(images, spec_of(images, **changes), device="cpu", batch_size=batch_size))


def test_evaluation_sees_every_image_unchanged_and_in_order() -> None:
    images = random_images(10)
    batches = evaluate(images, 4)
    assert [len(y) for _, y in batches] == [4, 4, 2]
    np.testing.assert_array_equal(pixels(torch.cat([x for x, _ in batches])), images.pixels)
    np.testing.assert_array_equal(torch.cat([y for _, y in batches]), images.labels)


def test_evaluation_does_not_depend_on_the_batch_size() -> None:
    images = random_images(10)
    one, other = (torch.cat([x for x, _ in evaluate(images, size, size=6)]) for size in (3, 10))
    assert torch.equal(one, other)


@pytest.mark.gpu
def test_a_gpu_sees_the_same_batches_as_the_cpu() -> None:
    images = random_images(40)
    augment = AugmentConfig(crop=2, flip=True, cutout=3)
    for one, other in zip(
        train_batches(images, augment), train_batches(images, augment, device="cuda"), strict=True
    ):
        torch.testing.assert_close(one[0], other[0].cpu())
        assert torch.equal(one[1], other[1].cpu())
