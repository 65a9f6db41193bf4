"""What training a search's candidates in parts needs, whoever decides which.  Must not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import LegOf
from aebnas.search.events import Listener
from aebnas.search.rung_shelf import RungShelf
from aebnas.search.store import RunStore
from aebnas.space.api import Architecture, SearchSpace

Decided = Callable[[Evaluation, bool], None]
"""Told each candidate's evaluation once it is trained no further, and whether the store knew all of it."""


class Train(Protocol):
    """Trains candidates on the search's workers."""

    def __call__(
        self, architectures: Sequence[Architecture], leg: LegOf, name: Callable[[str], str] | None
    ) -> Iterator[Outcome]:
        """Yield outcomes as they finish; fewer than asked for where the time is up.

        Args:
            architectures: Distinct ones.
            leg: What is trained of each, by key.
            name: Under which the attempt is noted, by key; None: it is not.
        """
        ...


@dataclass(frozen=True)
class Parts:
    """What one search lends to whoever trains its candidates in parts."""

    config: SearchFile
    space: SearchSpace
    store: RunStore
    context: str
    """Identity of the evaluations."""
    train: Train
    """On the workers."""
    listener: Listener
    """Told who goes on."""


class RungWork:
    """One search's candidates between a store, its shelf of rungs and the workers."""

    def __init__(self, parts: Parts) -> None:
        """Open the shelf of the store."""
        self._config, self._space = parts.config, parts.space
        self._store, self._context = parts.store, parts.context
        self._shelf = RungShelf(parts.store)
        self._train, self._listener = parts.train, parts.listener
