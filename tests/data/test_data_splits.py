"""Splits: disjoint, stratified, exact and the same every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aebnas.config.schema import DataConfig, SplitConfig
from aebnas.data.dataset import Dataset, Samples, make_dataset
from aebnas.data.splits import Splits, cut_test, largest_remainder, make_splits, stratified_order
from aebnas.errors import DataError

THIRDS = SplitConfig(train=0.6667, calibrate=0.16665, select=0.16665)


def numbered(labels: np.ndarray) -> Samples:
    """Images whose four pixels spell their own index."""
    images = np.arange(len(labels), dtype="<u4").view(np.uint8).reshape(-1, 2, 2, 1)
    return Samples(images, labels.astype(np.int64))


def dataset(labels: np.ndarray) -> Dataset:
    names = [str(label) for label in range(labels.max() + 1)]
    return make_dataset("numbered", numbered(labels), numbered(np.array([0])), names)


def indices(images: Samples) -> np.ndarray:
    return images.pixels.reshape(-1, 4).view("<u4").ravel()


def parts(splits: Splits) -> list[Samples]:
    return [splits.train, splits.calibrate, splits.select]


def config(**changes: object) -> DataConfig:
    return DataConfig(name="digits", **changes)


BALANCED = dataset(np.random.default_rng(0).permutation(np.arange(4200) % 10))


def test_cifar10_is_cut_into_40000_5000_and_5000() -> None:
    splits = make_splits(dataset(np.arange(50_000) % 10), config())
    assert [len(part) for part in parts(splits)] == [40_000, 5_000, 5_000]
    assert [set(part.class_counts(10)) for part in parts(splits)] == [{4000}, {500}, {500}]


@pytest.mark.parametrize("split", [THIRDS, SplitConfig(train=2 / 3, calibrate=1 / 6, select=1 / 6)])
def test_thirds_of_4200_images_are_exact_in_every_class(split: SplitConfig) -> None:
    splits = make_splits(BALANCED, config(split=split))
    assert [set(part.class_counts(10)) for part in parts(splits)] == [{280}, {70}, {70}]


def test_every_image_lands_in_exactly_one_split() -> None:
    together = np.concatenate([indices(part) for part in parts(make_splits(BALANCED, config()))])
    np.testing.assert_array_equal(np.sort(together), np.arange(4200))


def test_images_keep_their_labels() -> None:
    for part in parts(make_splits(BALANCED, config())):
        np.testing.assert_array_equal(part.labels, BALANCED.train.labels[indices(part)])


def test_the_same_seed_gives_the_same_splits() -> None:
    one, other = make_splits(BALANCED, config()), make_splits(BALANCED, config())
    np.testing.assert_array_equal(indices(one.select), indices(other.select))
    assert one.fingerprint == other.fingerprint


def test_another_seed_gives_other_splits_and_another_fingerprint() -> None:
    one, other = make_splits(BALANCED, config()), make_splits(BALANCED, config(split_seed=1))
    assert set(indices(one.select)) != set(indices(other.select))
    assert one.fingerprint != other.fingerprint


def test_another_dataset_gives_another_fingerprint() -> None:
    changed = BALANCED.train.pixels.copy()
    changed[0, 0, 0, 0] ^= 1
    other = make_dataset("numbered", Samples(changed, BALANCED.train.labels), BALANCED.test, BALANCED.classes)
    assert make_splits(other, config()).fingerprint != make_splits(BALANCED, config()).fingerprint


def test_a_limit_takes_a_stratified_subset() -> None:
    splits = make_splits(BALANCED, config(limit=1000))
    assert [set(part.class_counts(10)) for part in parts(splits)] == [{80}, {10}, {10}]
    together = np.concatenate([indices(part) for part in parts(splits)])
    assert len(set(together)) == 1000


def test_a_limit_above_the_number_of_images_takes_all() -> None:
    assert sum(map(len, parts(make_splits(BALANCED, config(limit=10**6))))) == 4200


def test_a_split_without_a_class_names_split_class_and_cure() -> None:
    few = dataset(np.array([0] * 100 + [1] * 4))
    with pytest.raises(
        DataError, match=r"split '(calibrate|select)' has 0 .*class '1' \(4 training .*about 10"
    ):
        make_splits(few, config())


@given(st.lists(st.integers(30, 400), min_size=2, max_size=12), st.integers(0, 1000))
def test_any_class_sizes_are_split_in_proportion(sizes: list[int], seed: int) -> None:
    splits = make_splits(dataset(np.repeat(np.arange(len(sizes)), sizes)), config(split_seed=seed))
    for part, share in zip(parts(splits), (0.8, 0.1, 0.1), strict=True):
        assert abs(len(part) - share * sum(sizes)) < 1
        np.testing.assert_allclose(part.class_counts(len(sizes)), share * np.array(sizes), atol=2)


def test_the_order_within_a_class_is_random() -> None:
    order = stratified_order(np.zeros(1000, np.int64), np.random.default_rng(0))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1


def test_the_only_image_of_a_class_sits_in_the_middle_of_the_order() -> None:
    order = stratified_order(np.array([0] * 500 + [1]), np.random.default_rng(0))
    assert order.tolist().index(500) == 250


def test_the_test_cut_is_stratified_and_disjoint() -> None:
    train, test = cut_test(numbered(np.arange(5000) % 10), 0.16, 0)
    assert (set(train.class_counts(10)), set(test.class_counts(10))) == ({420}, {80})
    assert not set(indices(train)) & set(indices(test))


@given(st.integers(0, 10_000), st.lists(st.integers(1, 100), min_size=1, max_size=6))
def test_largest_remainder_sums_to_the_total_and_is_never_off_by_one(total: int, weights: list[int]) -> None:
    shares = tuple(weight / sum(weights) for weight in weights)
    counts = largest_remainder(total, shares)
    assert sum(counts) == total
    assert all(abs(count - total * share) < 1 for count, share in zip(counts, shares, strict=True))
