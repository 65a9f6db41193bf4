"""Where the candidates of a run stand: the fidelity that each one counts with.

A candidate has a row for every fidelity that it got to.  It counts with the one at which its generation
left it; the best of the whole search, once the run is at its end, with that of their final training.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation


@dataclass(frozen=True)
class FinalTraining:
    """The result of one final training of a search's best candidates."""

    fidelity: str
    """At which those that were trained stand."""
    epochs: int
    chosen: int
    trained: tuple[str, ...]
    """Keys."""
    failed: tuple[str, ...]
    """Keys; they stay what they were before."""
    hold_front: bool = False
    """Whether the trained ones alone hold the front."""

    @property
    def left(self) -> int:
        """Return how many the time did not allow to train."""
        return self.chosen - len(self.trained) - len(self.failed)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FinalTraining:
        """Return what ``asdict`` described, as JSON holds it."""
        return cls(**{**plain, "trained": tuple(plain["trained"]), "failed": tuple(plain["failed"])})


def finals_of(generations: Sequence[Mapping[str, Any]]) -> tuple[FinalTraining, ...]:
    """Return the results of the final trainings from a run's last summary; empty before its end."""
    plain = generations[-1].get("finals", ()) if generations else ()
    return tuple(FinalTraining.from_dict(training) for training in plain)


def front_level(plan: Plan, finals: Iterable[FinalTraining]) -> int:
    """Return the lowest fidelity level that may be on the front; 0: any."""
    return max((plan.named(training.fidelity).level for training in finals if training.hold_front), default=0)


def chained(steps: Sequence[Evaluation]) -> Evaluation:
    """Return the last of a candidate's evaluations, with the time of all of them."""
    return replace(
        steps[-1],
        seconds=sum(step.seconds for step in steps),
        cpu_seconds=sum(step.cpu_seconds for step in steps),
    )


def current_evaluations(
    plan: Plan, rows: Iterable[Evaluation], generations: Sequence[Mapping[str, Any]]
) -> list[Evaluation]:
    """Return the evaluation that each candidate counts with, in the order in which they were first evaluated.

    Args:
        plan: Of the run.
        rows: Everything that it filed.
        generations: Its summaries.
    """
    levels = {fidelity.name: fidelity.level for fidelity in plan.fidelities}
    filed: dict[str, dict[int, Evaluation]] = {}
    for row in rows:
        if row.fidelity in levels:
            filed.setdefault(row.key, {})[levels[row.fidelity]] = row
    reached = {key: name for generation in generations for key, name in generation.get("reached", {}).items()}
    last = {key: training.fidelity for training in finals_of(generations) for key in training.trained}
    evaluations = []
    for key, by_level in filed.items():
        within = [level for level in by_level if level < len(plan.of_generations)]
        current = levels.get(last.get(key, reached.get(key, "")))
        if current not in by_level:
            current = max(within, default=None)
        if current is not None:
            evaluations.append(chained([by_level[level] for level in sorted(by_level) if level <= current]))
    return evaluations
