"""The moving average of a network's weights, which is deployed in their place (EMA).

Batch-norm statistics are averaged with the weights that they belong to.  The decay rises with the steps,
``min(decay, (1 + n) / (10 + n))``, so that short trainings forget the weights that they began with.  Each
phase has an average of its own and leaves it in the network: the next one begins with what is deployed.

Source: Polyak averaging; the rising decay is that of TensorFlow's ExponentialMovingAverage.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aebnas.nets.network import EarlyExitNetwork

HALF_WAY = 10
"""Steps after which the rising decay is about one half."""


class Average(Protocol):
    """What follows the weights of one phase."""

    def update(self) -> None:
        """Take note of the weights behind a step."""

    def in_place(self) -> AbstractContextManager[None]:
        """Put what would be deployed in the place of the weights for a while."""

    def finish(self) -> None:
        """Leave what is deployed in the network."""

    def state(self) -> dict[str, Any] | None:
        """Return what the next step depends on."""

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on as the average did that returned ``state``."""


class MovingAverage:
    """The average of all weights and statistics of a network."""

    def __init__(self, network: EarlyExitNetwork, decay: float) -> None:
        """Begin with the weights behind the first step.

        Args:
            network: Is trained.
            decay: Share of the average that a step keeps, 0 to 1, once many steps are done.
        """
        self._parts = network.parts

        def update(averaged: Any, current: Any, steps: Tensor | int) -> None:
            done = int(steps)
            get_ema_multi_avg_fn(min(decay, (1 + done) / (HALF_WAY + done)))(averaged, current, steps)

        self._averaged = AveragedModel(self._parts, multi_avg_fn=update, use_buffers=True)

    def update(self) -> None:
        """Take note of the weights behind a step."""
        self._averaged.update_parameters(self._parts)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average in the place of the weights for a while; not a bit of either changes."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def finish(self) -> None:
        """Copy the average into the network."""
        self._parts.load_state_dict(self._averaged.module.state_dict())

    def state(self) -> dict[str, Any]:
        """Return the average and the number of its steps."""
        return self._averaged.state_dict()

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on behind some steps.

        Raises:
            RuntimeError: The state belongs to another network, or to a training without an average.
        """
        self._averaged.load_state_dict(state or {})

    def _swap(self) -> None:
        with torch.no_grad():
            pairs = zip(_tensors(self._parts), _tensors(self._averaged.module), strict=True)
            for current, averaged in pairs:
                current.data, averaged.data = averaged.data, current.data


class _NoAverage:
    def update(self) -> None:
        """Take no note."""

    def in_place(self) -> AbstractContextManager[None]:
        """Leave the weights in their place."""
        return nullcontext()

    def finish(self) -> None:
        """Leave the weights in their place."""

    def state(self) -> None:
        """Return nothing."""

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on."""


def average_of(network: EarlyExitNetwork, decay: float | None) -> Average:
    """Return what follows the weights of a phase; without a decay nothing does."""
    return _NoAverage() if decay is None else MovingAverage(network, decay)


def _tensors(module: torch.nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()
