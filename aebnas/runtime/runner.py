"""The runner: it executes one segment, asks whether to leave, and really stops.

Each runtime turns the segments of a network into ``Part``s; the loop is the same
for all.  What is measured here is what is deployed.  Must not import torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Logits = NDArray[np.float32]
Leave = Callable[[int, Logits], bool]
"""Whether to stop at an exit, from its index and its logits ``(batch, classes)``."""


class Part(Protocol):
    """One segment, ready to run: features in, features and logits out."""

    def __call__(self, features: Any, image: Any) -> tuple[Any, Logits]:
        """Return the features for the next part, in the runtime's own form, and the exit's logits.

        Args:
            features: What the part before left; of the first, what entered.
            image: What entered: parts that read the image begin with it.
        """


class Answer(NamedTuple):
    """What a network said about one batch, and where it stopped."""

    exit: int
    logits: Logits
    """Of that exit, shape ``(batch, classes)``."""


class Runner:
    """A network that runs segment by segment and stops at the first exit that may be left."""

    def __init__(self, parts: Sequence[Part], enter: Callable[[Images], Any]) -> None:
        """Join parts.

        Args:
            parts: One per exit, in order.
            enter: Brings normalised images ``(batch, channels, r, r)`` into the runtime's form.
        """
        self._parts = tuple(parts)
        self._enter = enter

    def run(self, images: Images, leave: Leave) -> Answer:
        """Return the answer for one batch; later segments are never called.

        Args:
            images: Normalised, shape ``(batch, channels, r, r)``, float32.
            leave: Asked at every exit but the last; the logits that it sees hold until the next run.
        """
        features = image = self._enter(images)
        last = len(self._parts) - 1
        for i, part in enumerate(self._parts):
            features, logits = part(features, image)
            if i == last or leave(i, logits):
                return Answer(i, logits.copy())  # the runtime writes the next answer over its own
        raise ValueError("a runner needs at least one part, but got none")

    @property
    def exits(self) -> int:
        """Return the number of exits."""
        return len(self._parts)

    def stop_ns(self, images: Images, exit_: int) -> int:
        """Return the nanoseconds of one run that stops at an exit, its decisions included."""
        started = time.perf_counter_ns()
        self.run(images, lambda i, logits: not stays(logits) or i == exit_)
        return time.perf_counter_ns() - started


def confidence(logits: Logits) -> NDArray[np.float32]:
    """Return the largest softmax probability of each row of logits ``(batch, classes)``."""
    top = logits.max(axis=1, keepdims=True)
    probability: NDArray[np.float32] = 1.0 / np.exp(logits - top).sum(axis=1)
    return probability


def stays(logits: Logits) -> bool:
    """Decide as a threshold policy does, with a threshold that nothing reaches: the cost of deciding."""
    return not bool((confidence(logits) > 1.5).all())
