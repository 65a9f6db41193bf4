"""Features in 16 bits: exact to 11 bits whatever their size, and refused where they are no numbers."""

import numpy as np
import pytest
import torch
from torch import Tensor

from aebnas.errors import TrainingError
from aebnas.heads.features.half import packed, unpacked


def through(features: Tensor) -> Tensor:
    values, exponent = packed(features, "stem")
    return unpacked(values, np.full(len(values), exponent), torch.device("cpu"))


@pytest.mark.parametrize("largest", [1e-30, 1e-6, 1.0, 60_000.0, 70_000.0, 1e9, 1e38])
def test_features_of_any_size_keep_eleven_bits(largest: float) -> None:
    features = torch.linspace(-largest, largest, 101).view(1, 1, 1, 101)
    assert (through(features) - features).abs().max() <= largest * 2.0**-11


def test_what_fp16_holds_is_not_scaled() -> None:
    values, exponent = packed(torch.tensor([[1.0, 65504.0]]), "stem")
    assert (values.tolist(), exponent) == ([[1.0, 65504.0]], 0)


def test_maps_lie_channels_last_and_come_back_as_they_were() -> None:
    features = torch.arange(24.0).view(1, 2, 3, 4)
    assert packed(features, "stem").values.shape == (1, 3, 4, 2)
    assert torch.equal(through(features), features)
    assert through(features).is_contiguous(memory_format=torch.channels_last)


def test_each_image_is_scaled_as_its_batch_was() -> None:
    small, large = packed(torch.ones(1, 2), "stem"), packed(torch.full((1, 2), 1e6), "stem")
    together = np.concatenate([small.values, large.values])
    features = unpacked(together, np.array([small.exponent, large.exponent]), torch.device("cpu"))
    assert features[:, 0].tolist() == [1.0, pytest.approx(1e6, rel=1e-3)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_no_numbers_are_refused_with_their_place(value: float) -> None:
    with pytest.raises(TrainingError, match="at stem are NaN or infinite"):
        packed(torch.tensor([[1.0, value]]), "stem")
