"""The contents of a run as reports and the command line read them: candidates, front, generations, times.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aebnas.config import SearchFile
from aebnas.config.sections.constraints import full_name
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Fidelity, Plan, plan_of
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import CandidateSettings, candidate_settings, goals_of
from aebnas.runs.fidelity_status import FinalTraining, front_level
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.timing import Timing, Workload
from aebnas.space.api import SearchSpace
from aebnas.space.spaces import space_of


@dataclass(frozen=True, eq=False)
class RunContents:
    """Everything a report says about one run."""

    label: str
    """Name of the run's directory, made unique among the runs of a report."""
    path: Path
    config: SearchFile
    environment: Mapping[str, Any]
    metadata: Mapping[str, Any]
    """Of the store, ``METADATA``; None where unknown."""
    done: tuple[Evaluation, ...]
    failed: tuple[Evaluation, ...]
    points: tuple[OperatingPoint, ...]
    """Every distinct operating point at a choice of ``search.budget_fractions``."""
    front: tuple[OperatingPoint, ...]
    """By rising expected cost."""
    generations: tuple[Mapping[str, Any], ...]
    images: Mapping[str, int]
    """Number of images of ``calibrate`` and ``select``; empty where unknown."""
    timing: Timing
    workload: Workload | None
    """None before anything finished."""
    finals: tuple[FinalTraining, ...] = ()
    """What came of the final trainings of the best; empty before they are told."""
    failed_finals: tuple[Evaluation, ...] = ()
    """Why some of the best could not be trained further; they are among ``done`` as what they were before."""

    @cached_property
    def plan(self) -> Plan:
        """Return the plan of fidelities."""
        return plan_of(self.config)

    @cached_property
    def goals(self) -> Goals:
        """Return what the run looked for."""
        return goals_of(self.config)

    @cached_property
    def settings(self) -> CandidateSettings:
        """Return how its candidates were trained and scored."""
        return candidate_settings(self.config)

    def fidelity(self, evaluation: Evaluation) -> Fidelity:
        """Return the fidelity at which a candidate stands."""
        return self.plan.named(evaluation.fidelity)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Return the objectives, a device's quantities with its name."""
        return tuple(full_name(name, self.config.profiles) for name in self.config.objectives)

    def has(self, metric: str) -> bool:
        """Return whether the run's points were scored by a quantity; only those with points can tell."""
        return bool(self.points) and metric in self.points[0].metrics

    @cached_property
    def inherited(self) -> tuple[Evaluation, ...]:
        """Return the finished candidates that stand with what they inherited, fine-tuned or not."""
        return tuple(evaluation for evaluation in self.done if not self.fidelity(evaluation).trains)

    @property
    def select_images(self) -> int | None:
        """Return the number of images that scored the candidates."""
        return self.images.get("select")

    @cached_property
    def front_keys(self) -> tuple[str, ...]:
        """Return the architectures of the front, each once, by rising cost."""
        return tuple(dict.fromkeys(point.key for point in self.front))

    @property
    def nearest_miss(self) -> Evaluation | None:
        """Return the candidate that misses the target least; None without a target, or where one meets it."""
        checked = [evaluation for evaluation in self.done if evaluation.target_check is not None]
        nearest = min(
            checked, key=lambda evaluation: (evaluation.target_check or {})["violation"], default=None
        )
        return None if nearest is None or (nearest.target_check or {})["is_met"] else nearest

    @property
    def trainings(self) -> int:
        """Return the number of evaluated candidates, failed ones included."""
        return len(self.done) + len(self.failed)

    @property
    def unreported(self) -> int:
        """Return how many candidates the stored generations were not told."""
        return self.trainings - self.generations[-1]["trainings"] if self.generations else 0

    @cached_property
    def space(self) -> SearchSpace:
        """Return the search space; of data that were never read, for images of one pixel."""
        return space_of(self.config, self.metadata["image_shape"] or (1, 1, 1))

    @property
    def front_level(self) -> int:
        """Return the level below which no candidate is on the front: above 0 once the best are trained."""
        return front_level(self.plan, self.finals)

    @property
    def is_front_of_finals(self) -> bool:
        """Return whether those that were trained in the end alone hold the front."""
        return self.front_level > 0

    @cached_property
    def eligible_points(self) -> tuple[OperatingPoint, ...]:
        """Return the operating points that the front is chosen from."""
        return tuple(point for point in self.points if self.can_be_on_front(point.evaluation))

    def can_be_on_front(self, evaluation: Evaluation) -> bool:
        """Return whether a candidate stands high enough in the plan for the front."""
        return self.fidelity(evaluation).level >= self.front_level

    @property
    def hypervolume(self) -> float | None:
        """Return the last generation's hypervolume."""
        return float(self.generations[-1]["hypervolume"]) if self.generations else None


def full_trainings(generation: Mapping[str, Any]) -> float:
    """Return the trainings until a stored generation; with successive halving, counted in full ones.

    Those of the best that were trained further in the end count twice.
    """
    again = sum(len(training["trained"]) for training in generation.get("finals", ()))
    return round(float(generation.get("full_trainings", generation["trainings"] + again)), 2)


def best_first(run: RunContents, limit: int) -> Iterable[Evaluation]:
    """Return at most ``limit`` finished candidates: front members, then by their best accuracy."""
    on_front = set(run.front_keys)
    best = {
        evaluation.key: float(evaluation.curve.select_accuracy.max())
        for evaluation in run.done
        if evaluation.curve is not None
    }
    return sorted(
        run.done,
        key=lambda evaluation: (
            evaluation.key not in on_front,
            -best.get(evaluation.key, 0.0),
            evaluation.key,
        ),
    )[:limit]
