"""What a device prepares is what training prepared."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training.small_training import digits

from aebnas.data.prepare import InputPreparation
from aebnas.data.statistics import ChannelStatistics
from aebnas.deploy.preprocessing import Preprocessing
from aebnas.task.input_size import Size

SIDE = st.integers(1, 70)


def in_torch(images: np.ndarray, resolution: Size, statistics: ChannelStatistics) -> np.ndarray:
    prepare = InputPreparation(
        images.shape[1:],
        resolution=resolution,
        statistics=statistics,
        device=torch.device("cpu"),
        memory_format=torch.channels_last,
        dtype=torch.float32,
    )
    return prepare(torch.from_numpy(images.copy())).numpy()


@given(
    height=SIDE,
    width=SIDE,
    resolution=SIDE | st.tuples(SIDE, SIDE),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_any_size_is_resized_and_normalised_bit_for_bit_as_in_torch(
    height: int, width: int, resolution: Size, channels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (2, height, width, channels), dtype=np.uint8)
    mean, std = rng.random(channels).tolist(), (rng.random(channels) + 0.05).tolist()
    ours = Preprocessing((height, width, channels), resolution, mean, std)(images)
    theirs = in_torch(images, resolution, ChannelStatistics(tuple(mean), tuple(std)))
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
    statistics = ChannelStatistics((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    np.testing.assert_array_equal(
        in_torch(images, resolution, statistics), in_torch(middle, resolution, statistics)
    )


@pytest.mark.parametrize("size", [(8, 8), (224, 224), (640, 480)])
def test_large_reductions_are_exact_too(size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (1, *size, 3))
    statistics = ChannelStatistics((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    ours = Preprocessing((*size, 3), 20, statistics.mean, statistics.std)(images)
    np.testing.assert_array_equal(ours, in_torch(images, 20, statistics))


def test_real_digits_are_prepared_as_in_training() -> None:
    images, statistics = digits().select.images, ChannelStatistics.of(digits().train)
    ours = Preprocessing((8, 8, 1), 12, statistics.mean, statistics.std)(images)
    np.testing.assert_array_equal(ours, in_torch(images, 12, statistics))
