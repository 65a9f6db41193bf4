"""Steps to a fidelity: answered by the store, or done by the workers.

What a candidate is at a fidelity follows from its architecture and the plan alone: so the front depends on
neither workers nor interruptions.  What is large (weights, logits) goes when it is no longer needed; whatever
misses it later makes it again, to the same result, while the store's answer stays as it was.  Must not import
torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from aebnas.evaluation.plan import Plan, Step, StepOf
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.runs.fidelity_status import chained
from aebnas.runs.store.store import RunStore
from aebnas.space.api import Architecture


class Train(Protocol):
    """Takes candidates a step further on the search's workers."""

    def __call__(
        self, architectures: Sequence[Architecture], step_of: StepOf, fidelity: str | None
    ) -> Iterator[Outcome]:
        """Yield outcomes as they finish; fewer than asked for where the time is up.

        Args:
            architectures: Distinct ones.
            step_of: What is done with each, by key.
            fidelity: Under which the attempt is noted; None: it is not, as the run has done it before.
        """
        ...


@dataclass
class FidelitySteps:
    """The candidates of one search between its store and its workers."""

    plan: Plan
    store: RunStore
    context: str
    """Identity of the evaluations."""
    train: Train
    trained: set[str] = field(default_factory=set)
    """Who was taken a step further since the search began or was resumed."""
    failures: list[Evaluation] = field(default_factory=list)
    """Candidates whose weights could not be made again."""

    def find(self, key: str, level: int) -> Evaluation | None:
        """Return what a candidate is at a fidelity, with the time of all its steps; None: not there."""
        names = [fidelity.name for fidelity in self.plan.fidelities[: level + 1]]
        filed = [self.store.find(key, self.context, name) for name in names]
        return (
            None
            if filed[-1] is None
            else chained([evaluation for evaluation in filed if evaluation is not None])
        )

    def take(self, architectures: Sequence[Architecture], level: int) -> Iterator[Evaluation]:
        """Take candidates to a fidelity, all of them at the one before; yield them as they finish."""
        fidelity = self.plan.fidelities[level]
        for outcome in self.train(self._ready(architectures, level), self._step_of(level), fidelity.name):
            evaluation = replace(outcome.evaluation, fidelity=fidelity.name)
            if not evaluation.is_done or fidelity.level:
                evaluation = replace(evaluation, epochs=fidelity.epochs)
            self.trained.add(evaluation.key)
            self.store.add(replace(outcome, evaluation=evaluation), self.context)
            yield self.find(evaluation.key, level) or evaluation

    def make_again(self, candidates: Iterable[Evaluation]) -> bool:
        """Make weights and logits again that were forgotten; return whether all are there now.

        Args:
            candidates: Finished ones, as they stand.
        """
        lost = [
            candidate
            for candidate in candidates
            if not self.store.artefacts.has(candidate.key, candidate.fidelity)
        ]
        for level in sorted({self.plan.named(candidate.fidelity).level for candidate in lost}):
            at_level = [
                candidate.architecture
                for candidate in lost
                if self.plan.named(candidate.fidelity).level == level
            ]
            self._make_again(at_level, level)
        return all(self.store.artefacts.has(candidate.key, candidate.fidelity) for candidate in lost)

    def _ready(self, architectures: Sequence[Architecture], level: int) -> list[Architecture]:
        """Return those that can take a step: weights that it begins with are made again where they miss."""
        if not self.plan.fidelities[level].continues:
            return list(architectures)
        before = self.plan.fidelities[level - 1].name
        lost = [
            architecture
            for architecture in architectures
            if not self.store.artefacts.has(architecture.key(), before)
        ]
        self._make_again(lost, level - 1)
        return [
            architecture
            for architecture in architectures
            if self.store.artefacts.has(architecture.key(), before)
        ]

    def _make_again(self, architectures: Sequence[Architecture], level: int) -> None:
        name = self.plan.fidelities[level].name
        for outcome in self.train(self._ready(architectures, level), self._step_of(level), None):
            if outcome.evaluation.is_done:
                self.store.artefacts.put(outcome, name)
            else:  # it was done before: the machine failed
                self.failures.append(outcome.evaluation)

    def _step_of(self, level: int) -> StepOf:
        if not self.plan.fidelities[level].continues:
            return lambda key: Step(level)
        before = self.plan.fidelities[level - 1].name
        return lambda key: Step(level, self.store.artefacts.weights(key, before))
