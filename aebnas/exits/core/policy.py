"""Exit policies: when a sample leaves the network.

A policy is fitted, immutable and decides from logits alone.  It must be causal (logits after the
chosen exit change nothing) and decide a batch as it decides sample by sample;
``aebnas.testing.PolicyContract`` holds every policy to that.  How a policy is fitted is the
business of a ``PolicyFamily``.

Must not import torch.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import BoolArray, IntArray
from aebnas.exits.core.exit_logits import ExitLogits

Logits = npt.NDArray[Any]


class ExitPolicy(Protocol):
    """Decides at which exit a sample leaves; the last exit always answers."""

    @property
    def exits(self) -> int:
        """Number of exits of the networks it decides for."""

    def leave(self, exit_index: int, logits_so_far: Logits) -> BoolArray:
        """Return which samples leave at an exit, ``(N,)``.

        ``logits_so_far`` holds the exits computed: shape ``(N, exit_index + 1, K)``.
        """

    def decide(self, logits: Logits | ExitLogits) -> IntArray:
        """Return the exit of every sample, ``(N,)``, from the logits of all exits ``(N, E, K)``."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the kind of policy under ``policy``."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote."""


class CausalPolicy(ABC):
    """A policy by its rule at one exit: batch and online form follow from the same rule."""

    @property
    @abstractmethod
    def exits(self) -> int:
        """Number of exits of the networks it decides for."""

    @abstractmethod
    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        """Return which samples would leave at an exit before the last, were they to arrive; ``(N,)``.

        May look at exits 0 to ``exit_index`` alone.
        """

    def leave(self, exit_index: int, logits_so_far: Logits) -> BoolArray:
        """Return which samples leave at an exit, ``(N,)``.

        Raises:
            ShapeError: The logits are not those of exits 0 to ``exit_index``.
            DataError: The exit does not exist, or a logit is NaN or infinite.
        """
        last = self.exits - 1
        if not 0 <= exit_index <= last:
            raise DataError(f"`0 <= exit_index <= {last}` must hold, but got {exit_index}.")
        if logits_so_far.ndim != 3 or logits_so_far.shape[1] != exit_index + 1:
            raise ShapeError(
                f"At exit {exit_index} logits must have shape (samples, {exit_index + 1}, classes), "
                f"but got {logits_so_far.shape}."
            )
        logits = ExitLogits(logits_so_far)
        if exit_index == last:
            return np.ones(len(logits), dtype=np.bool_)
        return self._leaves(logits, exit_index)

    def decide(self, logits: Logits | ExitLogits) -> IntArray:
        """Return the exit of every sample, ``(N,)``, from logits ``(N, E, K)``.

        Raises:
            ShapeError: The logits have another number of exits than the policy.
            DataError: A logit is NaN or infinite.
        """
        cached = logits if isinstance(logits, ExitLogits) else ExitLogits(logits)
        if cached.exits != self.exits:
            raise ShapeError(f"The policy has {self.exits} exits, but the logits have {cached.exits}.")
        chosen = np.full(len(cached), self.exits - 1, dtype=np.int64)
        for i in reversed(range(self.exits - 1)):
            chosen[self._leaves(cached, i)] = i
        return chosen


def require(data: Mapping[str, Any], kind: str, *names: str) -> list[Any]:
    """Return the named fields of a policy's dictionary.

    Raises:
        DataError: One is missing.
    """
    missing = [name for name in names if name not in data]
    if missing:
        raise DataError(f"Not a {kind} policy: {', '.join(missing)} missing.")
    return [data[name] for name in names]


def rows(value: Any, name: str) -> list[Any]:
    """Return a list that has an entry per exit; what the entries are is not looked at.

    Raises:
        DataError: It is none.
    """
    if not isinstance(value, list | tuple):
        raise DataError(f"`{name}` must be a list with an entry per exit, but got {value!r}.")
    return list(value)


def numbers(value: Any, name: str) -> tuple[float, ...]:
    """Return a list of finite numbers as a tuple.

    Raises:
        DataError: It is none.
    """
    if not isinstance(value, list | tuple) or not all(is_number(entry) for entry in value):
        raise DataError(f"`{name}` must be a list of finite numbers, but got {value!r}.")
    return tuple(float(entry) for entry in value)


def is_number(value: Any) -> bool:
    """Is it a finite number, and no truth value?"""
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
