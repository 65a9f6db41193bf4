"""Successive halving within a search: a batch is trained rung by rung, the better candidates go on.

What a candidate is at a rung follows from its architecture and the epochs alone, who goes on from
the whole rung: so the front depends on neither workers nor interruptions.  A rung that the store
knows is not trained again.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import Ladder, Leg
from aebnas.search.events import RungFinished
from aebnas.search.promotion import best_first
from aebnas.search.rung_shelf import leg_name
from aebnas.search.rung_work import Decided, Parts, RungWork
from aebnas.space.api import Architecture
from aebnas.space.genes import Genome


class Halving(RungWork):
    """Trains the batches of one search."""

    def __init__(self, parts: Parts, ladder: Ladder) -> None:
        """Prepare to climb the ladder of the search."""
        super().__init__(parts)
        self._ladder = ladder
        self._trained: set[str] = set()

    def evaluate(self, asked: Sequence[Genome], decided: Decided) -> bool:
        """Train a batch; return whether it came to its end, or the time was up.

        Args:
            asked: Genomes in ask order.
            decided: Told every candidate that was trained at all, also where the time is up.
        """
        batch = {a.key(): a for a in (self._space.decode(genome) for genome in asked)}
        rest, last = list(batch), len(self._ladder.rungs)
        for level, epochs in enumerate(self._ladder.rungs):
            found = self._rung([batch[key] for key in rest], level)
            if len(found) < len(rest):
                self._cut(batch, rest, found, level, decided)
                return False
            is_new = any(key in self._trained for key in rest)
            going = self._going_on(asked, found) if level + 1 < last else []
            for key in rest:
                if key not in going:
                    self._settle(batch[key], found[key], level, decided)
            if is_new:
                self._listener(RungFinished(level + 1, last, epochs, len(rest), len(going)))
            rest = [key for key in rest if key in going]
            if not rest:
                break
        return True

    def forget_artefacts(self, keys: Sequence[str]) -> None:
        """Delete what a told generation needs no more."""
        self._shelf.forget_artefacts((key, epochs) for key in keys for epochs in self._ladder.rungs)

    def _rung(self, architectures: Sequence[Architecture], level: int) -> dict[str, Evaluation]:
        """Return what candidates are at a rung, in the order given; what is unknown is trained."""
        known = {a.key(): self._find(a.key(), level) for a in architectures}
        self._climb([a for a in architectures if known[a.key()] is None], level)
        found = {key: one or self._find(key, level) for key, one in known.items()}
        return {key: one for key, one in found.items() if one is not None}

    def _find(self, key: str, level: int) -> Evaluation | None:
        return self._shelf.find(key, self._context, self._ladder.rungs[level])

    def _climb(self, architectures: Sequence[Architecture], level: int) -> None:
        """Train candidates from the rung before to this one."""
        before = self._ladder.rungs[level - 1] if level else 0
        epochs = self._ladder.rungs[level]
        if level:
            # forgotten since: another course of the search, of tried failures say, leads here again
            self._climb([a for a in architectures if self._shelf.weights(a.key(), before) is None], level - 1)
            architectures = [a for a in architectures if self._shelf.weights(a.key(), before) is not None]

        def leg(key: str) -> Leg:
            return Leg(before, epochs, self._shelf.weights(key, before) if before else None)

        for outcome in self._train(architectures, leg, lambda key: leg_name(key, epochs)):
            evaluation = replace(outcome.evaluation, epochs=epochs)
            self._trained.add(evaluation.key)
            self._shelf.add(replace(outcome, evaluation=evaluation), self._context)

    def _going_on(self, asked: Sequence[Genome], found: Mapping[str, Evaluation]) -> list[str]:
        done = {key: one for key, one in found.items() if one.is_done}
        return best_first(self._space, asked, done, self._config)[: self._ladder.going_on(len(done))]

    def _cut(
        self,
        batch: Mapping[str, Architecture],
        rest: Sequence[str],
        found: Mapping[str, Evaluation],
        level: int,
        decided: Decided,
    ) -> None:
        """Settle what the end of the time left: each candidate as far as it came."""
        for key in rest:
            at = level if key in found else level - 1
            evaluation = self._find(key, at) if at >= 0 else None
            if evaluation is not None:
                self._settle(batch[key], evaluation, at, decided)

    def _settle(
        self, architecture: Architecture, evaluation: Evaluation, level: int, decided: Decided
    ) -> None:
        """Make what a candidate is at a rung its evaluation; its time is that of all its legs."""
        key = architecture.key()
        stored = self._store.find(key, self._context)
        if stored is None or stored.epochs != evaluation.epochs or stored.status != evaluation.status:
            legs = [one for one in (self._find(key, i) for i in range(level + 1)) if one is not None]
            stored = replace(
                evaluation,
                seconds=sum(one.seconds for one in legs),
                cpu_seconds=sum(one.cpu_seconds for one in legs),
            )
            epochs = self._ladder.rungs[level]
            artefacts = self._shelf.artefacts(key, self._context, epochs) if stored.is_done else None
            if artefacts is None and stored.is_done:
                self._climb([architecture], level)  # forgotten since, as above
                artefacts = self._shelf.artefacts(key, self._context, epochs)
            self._store.add(Outcome(stored, artefacts), self._context)
        decided(stored, key not in self._trained)
