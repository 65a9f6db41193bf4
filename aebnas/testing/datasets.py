"""What every function that returns a data set must hold to.  Must not import torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from aebnas.data.dataset import check_labels, make_dataset
from aebnas.data.readers.outside import Arrays, checked
from aebnas.data.splits import cut_test
from aebnas.testing.contract import Contract

WHERE = "the data set under test"


class DatasetContract(Contract):
    """Laws of a function named in ``data.name``."""

    @abstractmethod
    def load(self) -> Any:
        """Return what the function returns."""

    def test_it_returns_arrays(self) -> None:
        """A pair of images and labels for train, and perhaps one for test."""
        assert isinstance(self.load(), Arrays)

    def test_its_arrays_are_images_and_labels_of_classes_that_have_names(self) -> None:
        """Types, shapes and labels are those that splits and networks need."""
        train, test, classes, _ = checked(WHERE, self.load())
        check_labels(train.labels, len(classes), WHERE)
        if test is None:
            train, test = cut_test(train, 0.2, 0)
        dataset = make_dataset(WHERE, train, test, classes)
        assert len(dataset.train) >= 2
        assert dataset.classes == classes

    def test_it_returns_the_same_every_time(self) -> None:
        """A run is resumed on the data it was begun with: their fingerprint must not change."""
        first, second = (checked(WHERE, self.load()) for _ in range(2))
        for first_split, second_split in zip(first[:2], second[:2], strict=True):
            assert (first_split is None) == (second_split is None)
            if first_split is not None and second_split is not None:
                assert np.array_equal(first_split.values, second_split.values)
                assert np.array_equal(first_split.labels, second_split.labels)
        assert first[2] == second[2]

    def test_it_draws_no_random_numbers_that_others_draw(self) -> None:
        """A seed of its own keeps the search's random numbers where they are."""
        before = np.random.get_state(legacy=False)
        self.load()
        after = np.random.get_state(legacy=False)
        assert str(before) == str(after)
