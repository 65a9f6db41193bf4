"""What a device prepares is what training prepared."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training.small_training import digits

from aebnas.blocks.tensor_spec import image
from aebnas.data.prepare import InputPreparation
from aebnas.deploy.preprocessing import Preprocessing
from aebnas.task.input_size import Size
from aebnas.task.input_spec import InputSpec, Normalisation

SIDE = st.integers(1, 70)
COLOURED = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
"""Mean and spread of three channels."""


def spec(resolution: Size, mean: Sequence[float], std: Sequence[float], **more: str) -> InputSpec:
    return InputSpec(image(len(mean), resolution), Normalisation(tuple(mean), tuple(std)), **more)


def in_torch(images: np.ndarray, spec: InputSpec) -> np.ndarray:
    cpu = torch.device("cpu")
    prepare = InputPreparation(images.shape[1:], spec, device=cpu, memory_format=torch.channels_last)
    return prepare(torch.from_numpy(images.copy())).numpy()


@given(
    height=SIDE,
    width=SIDE,
    resolution=SIDE | st.tuples(SIDE, SIDE),
    channels=st.sampled_from([1, 3]),
    fit=st.sampled_from(["crop", "stretch"]),
    colours=st.sampled_from(["rgb", "bgr"]),
    seed=st.integers(0, 99),
)
def test_any_size_is_resized_and_normalised_bit_for_bit_as_in_torch(
    height: int, width: int, resolution: Size, channels: int, fit: str, colours: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (2, height, width, channels), dtype=np.uint8)
    mean, std = rng.random(channels).tolist(), (rng.random(channels) + 0.05).tolist()
    taken = spec(resolution, mean, std, fit=fit, colours=colours)
    ours, theirs = Preprocessing((height, width, channels), taken)(images), in_torch(images, taken)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("size", "resolution", "part"),
    [
        ((24, 48), 16, (slice(0, 24), slice(12, 36))),
        ((48, 24), 16, (slice(12, 36), slice(0, 24))),
        ((30, 40), (12, 16), (slice(0, 30), slice(0, 40))),
        ((40, 40), (10, 20), (slice(10, 30), slice(0, 40))),
    ],
)
def test_the_middle_is_taken_and_nothing_is_stretched(
    size: tuple[int, int], resolution: Size, part: tuple[slice, slice]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    middle = np.ascontiguousarray(images[:, part[0], part[1]])
    taken = spec(resolution, *COLOURED)
    np.testing.assert_array_equal(in_torch(images, taken), in_torch(middle, taken))


def test_a_network_may_ask_for_the_whole_image_stretched() -> None:
    images = np.full((1, 24, 48, 1), 255, np.uint8)
    images[:, :, :10] = 0  # beyond the middle, which is 24 pixels wide
    crop, stretch = (in_torch(images, spec(16, (0.0,), (1.0,), fit=fit)) for fit in ("crop", "stretch"))
    assert crop.shape == stretch.shape == (1, 1, 16, 16)
    assert (crop.min(), stretch[..., 0].max(), stretch[..., 5:].min()) == (1.0, 0.0, 1.0)


def test_a_network_that_asks_for_blue_first_gets_it_with_its_own_normalisation() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    mean, std = COLOURED
    found = in_torch(images, spec(8, mean, std, colours="bgr"))
    usual = in_torch(images, spec(8, mean[::-1], std[::-1]))
    np.testing.assert_array_equal(found, usual[:, ::-1])


@pytest.mark.parametrize("size", [(8, 8), (224, 224), (640, 480)])
def test_large_reductions_are_exact_too(size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (1, *size, 3))
    taken = spec(20, *COLOURED)
    np.testing.assert_array_equal(Preprocessing((*size, 3), taken)(images), in_torch(images, taken))


def test_real_digits_are_prepared_as_in_training() -> None:
    images, taken = digits().select.pixels, digits().task.input((12, 12))
    np.testing.assert_array_equal(Preprocessing((8, 8, 1), taken)(images), in_torch(images, taken))
