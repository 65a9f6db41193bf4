"""The type of a clock.  Must not import torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Clock = Callable[[int], NDArray[np.float64]]
"""Runs so many calls or a few more, and returns the nanoseconds of each (on CUDA: the mean of its group)."""
