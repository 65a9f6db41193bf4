"""One trained network of a run with its stored logits: what ``aebnas exits`` compares policies on.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aebnas.config.sections.exits import ExitsConfig
from aebnas.errors import DataError, RunError, ShapeError
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.configured import configured_family
from aebnas.exits.policies.families import FAMILIES
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.quality.comparison import SHARES, Comparison, compare
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, exit_names
from aebnas.runs.reading import read_run
from aebnas.runs.store.arrays import read_labels, read_logits
from aebnas.runs.store.store import RunStore


@dataclass(frozen=True, eq=False)
class ExitStudy:
    """All policies of one candidate, fitted on calibrate and scored on select."""

    run: str
    evaluation: Evaluation
    comparison: Comparison

    @property
    def exits(self) -> tuple[str, ...]:
        """Return the name of every exit, the final classifier last."""
        return exit_names(self.evaluation.architecture)

    @property
    def warnings(self) -> list[str]:
        """Return what a reader has to know before believing the numbers."""
        alone = "This network has no early exits: its last exit answers everything, whatever the policy."
        return [
            *([alone] if len(self.exits) == 1 else []),
            "The search chose this network on the same select images and by its own policy: accuracies "
            "are a little optimistic, those of that policy most.",
            "Bands hold network and policies fixed: they tell the chance in which images were drawn.",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "run": self.run,
            "key": self.evaluation.key,
            "cost_metric": self.evaluation.cost_metric,
            "exit_names": self.exits,
            "shares": SHARES,
            **asdict(self.comparison),
        }


def exit_study(
    store: RunStore, key: str | None = None, others: Mapping[str, PolicyFamily] | None = None
) -> ExitStudy:
    """Fit and score all policies on one candidate of a run.

    Args:
        store: The run, finished or not.
        key: The candidate's; default: the most accurate of the front with an early exit, if there is one;
            where nothing is feasible the one that misses the constraints least.
        others: Further families to compare, by name.

    Raises:
        RunError: There is no such candidate, its logits were not kept, or the run is damaged.
    """
    run = read_run(store)
    evaluation = _candidate(run, store, key)
    if evaluation.curve is None:
        raise RunError(f"candidate {evaluation.key} has no operating curve: {evaluation.status_text}")
    families = _families(store.config.exits) | dict(others or {})
    file = store.artefacts.logits_path(evaluation.key, evaluation.fidelity)
    pairs = zip(read_logits(file), read_labels(store.path), strict=True)
    try:
        fitting, scoring = (ExitSamples.of(z, labels, evaluation.curve.reach_cost) for z, labels in pairs)
    except (DataError, ShapeError) as error:
        raise RunError(
            f"{file} is damaged, or not of the labels and the network: {error} Put a copy of it back"
        ) from error
    return ExitStudy(run.label, evaluation, compare(families, fitting, scoring))


def _families(exits: ExitsConfig) -> dict[str, PolicyFamily]:
    """Return all families, the run's own with its options."""
    own = {
        name or policy.only.name: configured_family(policy.only) for name, policy in exits.settings.items()
    }
    return {name: make() for name, make in FAMILIES.items()} | own


def _candidate(run: RunContents, store: RunStore, key: str | None) -> Evaluation:
    candidates = {candidate.key: candidate for candidate in (*run.done, *run.failed)}
    kept = [
        key
        for key, candidate in candidates.items()
        if store.artefacts.logits_path(key, candidate.fidelity).is_file()
    ]
    if key is None:
        points = [point for point in run.front if point.key in kept] or run.points
        best = sorted(
            points, key=lambda point: (point.violation, -point.accuracy, point.metrics["macs"], point.key)
        )
        keys = [point.key for point in best if point.key in kept]
        if not keys:
            why = "" if run.front else "; a run keeps those of its front, which is empty"
            raise RunError(f"{store.path} holds logits of no candidate: policies cannot be fitted{why}")
        # policies differ where a sample can leave early alone
        return candidates[
            next((candidate for candidate in keys if candidates[candidate].architecture.exit_names), keys[0])
        ]
    if key not in candidates:
        raise RunError(f"{store.path} holds no candidate {key!r}. {_choices(kept)}")
    if not candidates[key].is_done:
        raise RunError(f"candidate {key} {candidates[key].status_text}. {_choices(kept)}")
    if key not in kept:
        raise RunError(
            f"the logits of candidate {key} were not kept: a run keeps those of its front, "
            f"or without one those of the nearest misses. {_choices(kept)}"
        )
    return candidates[key]


def _choices(kept: list[str]) -> str:
    if not kept:
        return "No candidate has its logits stored."
    return f"{count(len(kept), 'candidate has', 'candidates have')} logits: {', '.join(sorted(kept))}."
