"""What photos need: resized crops, other colours, mixtures; the random draws of other changes stay."""

import hashlib

import numpy as np
import pytest
import torch
from test_train_batches import identity, random_images, spec_of, train_batches

from aebnas.config import parse
from aebnas.config.sections.training import AugmentConfig, ColourJitterConfig, RandomResizedCropConfig
from aebnas.data.augment import AugmentedImages
from aebnas.data.colour_jitter import LUMA, colour_factors, jittered
from aebnas.data.dataset import Samples
from aebnas.data.elastic import ElasticBatches
from aebnas.data.mixup import MixedTargets, draw_mixings, loss_of
from aebnas.data.resized_crops import crop_boxes, enlarged
from aebnas.errors import ConfigError

ALL = AugmentConfig(random_resized_crop=True, flip=True, colour_jitter=True, cutout=3, mixup=0.4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def boxes(count: int = 4000, size: tuple[int, int] = (40, 60), **options: object) -> np.ndarray:
    return crop_boxes(count, size, RandomResizedCropConfig(**options), generator()).numpy()


# ---------------------------------------------------------------- resized crops
def test_crops_lie_inside_the_image_and_keep_the_asked_share_of_its_area() -> None:
    top, left, height, width = boxes(scale=(0.2, 0.6), ratio=1.5).T
    assert top.min() == left.min() == 0
    assert ((top + height).max(), (left + width).max()) == (40, 60)
    area = height * width / (40 * 60)
    assert 0.17 < area.min() < 0.22
    assert 0.58 < area.max() < 0.64
    assert area.mean() == pytest.approx(0.4, abs=0.01)
    stretch = np.log((height / 40) / (width / 60))
    assert np.abs(stretch).max() < np.log(1.5) + 0.1
    assert stretch.mean() == pytest.approx(0, abs=0.02)


def test_all_places_of_a_crop_are_equally_likely() -> None:
    top, left, height, width = boxes(scale=(0.25, 0.25), ratio=1.0).T
    assert (height == 20).all()
    assert (width == 30).all()
    for corner, places in ((top, 21), (left, 31)):
        counts = np.bincount(corner, minlength=places)
        assert len(counts) == places
        assert 0.6 < counts.min() / counts.mean() <= counts.max() / counts.mean() < 1.5


def test_a_crop_is_enlarged_as_torch_enlarges_it_in_floats() -> None:
    images = torch.from_numpy(random_images(6, side=16).pixels.copy())
    drawn = torch.tensor(
        [[0, 0, 16, 16], [3, 1, 8, 9], [0, 7, 16, 9], [15, 15, 1, 1], [2, 2, 5, 12], [1, 0, 9, 4]]
    )
    for image, crop, (top, left, rows, columns) in zip(
        images, enlarged(images, drawn), drawn.tolist(), strict=True
    ):
        part = image[top : top + rows, left : left + columns].permute(2, 0, 1).float()
        exact = torch.nn.functional.interpolate(part[None], (16, 16), mode="bilinear", align_corners=False)
        torch.testing.assert_close(crop.permute(2, 0, 1).float(), exact[0], atol=1.0, rtol=0)
    assert torch.equal(enlarged(images, drawn)[0], images[0])


# ---------------------------------------------------------------- colours
def slow_jitter(image: np.ndarray, brightness: float, contrast: float, saturation: float) -> np.ndarray:
    """The three changes one after the other, in floats."""
    pixels = image.astype(float) * brightness
    pixels = contrast * pixels + (1 - contrast) * (pixels @ np.array(LUMA)).mean()
    grey = pixels @ np.array(LUMA)
    return saturation * pixels + (1 - saturation) * grey[..., None]


def test_colours_change_as_brightness_contrast_and_saturation_one_after_the_other() -> None:
    images = torch.from_numpy(random_images(5).pixels.copy())
    factors = colour_factors(5, ColourJitterConfig(brightness=0.4, contrast=0.5, saturation=0.6), generator())
    for image, changed, drawn in zip(images, jittered(images, factors), factors, strict=True):
        exact = slow_jitter(image.numpy(), *drawn.tolist()).clip(0, 255)
        np.testing.assert_allclose(changed.numpy(), exact, atol=0.51)


def test_factors_fill_the_range_that_is_asked_for() -> None:
    factors = colour_factors(
        4000, ColourJitterConfig(brightness=0.1, contrast=0, saturation=0.5), generator()
    )
    assert factors.amin(0).tolist() == pytest.approx([0.9, 1, 0.5], abs=0.01)
    assert factors.amax(0).tolist() == pytest.approx([1.1, 1, 1.5], abs=0.01)


def test_images_of_one_channel_have_no_saturation() -> None:
    images = torch.from_numpy(random_images(3, channels=1).pixels.copy())
    one, other = (jittered(images, torch.tensor([[1.1, 0.8, s]] * 3)) for s in (0.5, 1.5))
    assert torch.equal(one, other)
    assert not torch.equal(one, images)


# ---------------------------------------------------------------- mixup
def test_mixed_images_and_labels_are_mixed_in_one_share() -> None:
    images = random_images(8)
    plain, mixed = (train_batches(images, AugmentConfig(mixup=value)) for value in (0.0, 1.0))
    first_order = None
    for x, targets in mixed:
        assert isinstance(targets, MixedTargets)
        pixels = torch.from_numpy(images.pixels.copy()).permute(0, 3, 1, 2) / 255
        exact = targets.share * pixels[targets.first] + (1 - targets.share) * pixels[targets.second]
        torch.testing.assert_close(x, exact, atol=1e-5, rtol=0, check_stride=False)
        assert sorted(targets.first) == sorted(targets.second)
        first_order = first_order or targets.first.tolist()
    assert first_order == next(iter(plain))[1].tolist()


def test_shares_are_of_the_beta_distribution() -> None:
    for alpha in (0.2, 2.0):
        mixings = draw_mixings(alpha, 4000, 2, generator(), torch.device("cpu"))
        shares = np.array([mixing.share for mixing in mixings])
        assert shares.mean() == pytest.approx(0.5, abs=0.02)
        assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_the_loss_of_a_mixture_is_the_mixture_of_losses() -> None:
    targets = MixedTargets(torch.tensor([1.0]), torch.tensor([3.0]), 0.25)
    assert loss_of(targets, lambda y: 2 * y.sum()).item() == pytest.approx(2 * (0.25 * 1 + 0.75 * 3))
    assert loss_of(torch.tensor([4.0]), torch.sum).item() == 4


# ---------------------------------------------------------------- all together
def seen(batches: object) -> list[torch.Tensor]:
    tensors = []
    for x, y in batches:  # type: ignore[attr-defined]
        tensors += [x, y.first, y.second, torch.tensor(y.share)]
    return tensors


def test_the_same_seed_gives_the_same_epochs_also_when_they_are_taken_up() -> None:
    images = random_images(20)
    whole, cut = (train_batches(images, ALL, seed=5) for _ in range(2))
    seen(whole), next(iter(cut))
    states = cut.random_states()
    again = train_batches(images, ALL, seed=99)
    again.set_random_states(states)
    for one, other in zip(seen(whole), seen(again), strict=True):
        assert torch.equal(one, other)


def pixels_of(augment: AugmentConfig) -> torch.Tensor:
    """One epoch of images that are the same on every machine."""
    pixels = (np.arange(64 * 6 * 6 * 3).reshape(64, 6, 6, 3) * 7 % 251).astype(np.uint8)
    images = Samples(pixels, np.arange(64))
    augmented = AugmentedImages(images, augment, device=torch.device("cpu"), grey=[1, 2, 3])
    return torch.cat(list(augmented.epoch(torch.arange(64), 16, generator(3))))


def test_crops_flips_and_cutouts_are_drawn_as_ever() -> None:
    """The hash was computed before there were other changes: every stored result rests on these draws."""
    drawn = pixels_of(AugmentConfig(crop=2, flip=True, cutout=3))
    assert hashlib.sha256(drawn.numpy().tobytes()).hexdigest()[:16] == "23a937b088ec8fb5"


def test_other_changes_leave_these_draws_alone() -> None:
    nothing = ColourJitterConfig(brightness=0, contrast=0, saturation=0)
    plain, jittered_by_nothing = (
        AugmentConfig(crop=2, flip=True, cutout=3, colour_jitter=jitter) for jitter in (None, nothing)
    )
    assert torch.equal(pixels_of(plain), pixels_of(jittered_by_nothing))


def test_a_supernet_sees_the_same_mixed_images_at_every_size() -> None:
    images = random_images(12)
    specs = [spec_of(images), spec_of(images, size=4, normalisation=identity(3))]
    batches = ElasticBatches(images, specs, device="cpu", batch_size=4, augment=ALL, seed=0)
    late = list(batches.epoch(2))[1:]
    for batch, same in zip(late, batches.epoch(2, start=1), strict=True):
        assert torch.equal(batch.targets.second, same.targets.second)
        assert all(torch.equal(batch.prepared(spec), same.prepared(spec)) for spec in specs)


# ---------------------------------------------------------------- messages
def message(augment: str) -> str:
    head = "name: tiny\ndata: {name: digits}\nspace: {stages: [{width: 8}]}\ntraining:\n"
    text = f"{head}  augment: {augment}\n"
    with pytest.raises(ConfigError) as error:
        parse(text.encode(), "tiny.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("augment", "cure"),
    [
        ("{mixpu: 0.2}", "unknown field 'mixpu'. Did you mean 'mixup'?"),
        ("{crop: 2, random_resized_crop: true}", "goes without random_resized_crop, which crops already"),
        ("{random_resized_crop: {scale: [0.9, 0.4]}}", "must rise, but got [0.9, 0.4]"),
        ("{random_resized_crop: {scle: [0.4, 1]}}", "unknown field 'scle'. Did you mean 'scale'?"),
        ("{colour_jitter: {brightness: 1.5}}", "brightness: must be < 1, but got 1.5"),
        ("{colour_jitter: 0.2}", "colour_jitter"),
    ],
)
def test_a_wrong_change_is_named_with_its_cure(augment: str, cure: str) -> None:
    text = message(augment)
    assert text.startswith("tiny.yaml:5: training.augment")
    assert cure in text


def test_true_takes_the_defaults_and_false_takes_a_change_away() -> None:
    assert AugmentConfig(random_resized_crop=True).random_resized_crop == RandomResizedCropConfig()
    assert AugmentConfig(colour_jitter=False) == AugmentConfig()
