"""What a report says about one run, read once from its store.

A store of an interrupted run, of one without a finished generation and of one whose
candidates all failed are read alike; what is missing is empty.  Must not import torch.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aebnas.config import SearchFile
from aebnas.config.sections.constraints import full_name
from aebnas.errors import RunError
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Fidelity, Plan, plan_of
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import CandidateSettings, candidate_settings, goals_of
from aebnas.exits.core.threshold_codec import decode_thresholds
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.runs.evaluated import ended_steps, failed_finals
from aebnas.runs.fidelity_status import FinalTraining, current_evaluations, finals_of, front_level
from aebnas.runs.individuals import individual, metrics_at, pareto_front, violations_of
from aebnas.runs.soundness import check_policy
from aebnas.runs.store.arrays import numbers_of_labels
from aebnas.runs.store.store import RunStore
from aebnas.runs.timing import Timing, Workload, timing, workload
from aebnas.space.api import SearchSpace
from aebnas.space.spaces import space_of

METADATA = (
    "status", "stopped_by", "data", "classes", "image_shape", "not_repeatable", "out_of_time", "supernet",
    "elapsed_seconds",
)  # fmt: skip
"""What a report reads of what a run notes about itself."""


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """One trained network at one point of its operating curve, scored on select."""

    evaluation: Evaluation
    curve: OperatingCurve
    budget_fraction: float
    index: int
    """Of the curve's points."""
    metrics: Mapping[str, float]
    is_feasible: bool
    violation: float
    """How far all constraints together are missed, each as a share of its limit; 0 where they hold."""
    setting: str = ""
    """Of the exit policy, where it is a gene."""

    @property
    def key(self) -> str:
        """Return the architecture's key."""
        return self.evaluation.key

    @property
    def accuracy(self) -> float:
        """Return the share of right answers on select."""
        return self.metrics["accuracy"]

    @property
    def cost_share(self) -> float:
        """Return the expected cost, in what the exits trade, as a share of the network's own full cost."""
        return float(self.curve.select_cost[self.index] / self.curve.reach_cost[-1])

    @property
    def exit_rates(self) -> list[float]:
        """Return the share of select images that leave at each exit."""
        rates: list[float] = self.curve.exit_rates[self.index].tolist()
        return rates

    @property
    def policy(self) -> Mapping[str, Any]:
        """Return what decides, as ``policy_from_dict`` reads it."""
        return self.curve.policies[self.index].to_dict()

    @property
    def thresholds(self) -> list[float] | None:
        """Return the threshold of every exit but the last; None where the policy is no thresholds."""
        policy = self.policy
        return decode_thresholds(policy["thresholds"]) if policy["policy"] == "threshold" else None


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

    @property
    def inherits(self) -> bool:
        """Return whether candidates inherit from a supernet, but for those that are trained further."""
        return self.plan.inherits

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


def read_runs(stores: Sequence[RunStore]) -> tuple[RunContents, ...]:
    """Return the contents of several runs under distinct labels.

    Raises:
        ConfigError, RunError: A run's directory is damaged.
    """
    labels: list[str] = []
    for store in stores:
        name = store.path.resolve().name
        same = sum(label == name or label.startswith(f"{name} (") for label in labels)
        labels.append(f"{name} ({same + 1})" if same else name)
    return tuple(read_run(store, label) for store, label in zip(stores, labels, strict=True))


def read_run(
    store: RunStore, label: str | None = None, rescored: tuple[SearchFile, Sequence[Evaluation]] | None = None
) -> RunContents:
    """Return the contents of one run.

    Args:
        store: The run.
        label: Its name in a report; default: its directory's.
        rescored: Another configuration and the evaluations under it: the front is theirs.

    Raises:
        ConfigError: Its configuration cannot be read.
        RunError: Its front names a candidate that it does not hold.
    """
    stored, filed = tuple(store.generations()), store.filed()
    generations = stored if rescored is None else ()
    config, finals = rescored[0] if rescored else store.config, finals_of(stored)
    plan = plan_of(config)
    evaluations = rescored[1] if rescored else current_evaluations(plan, filed, stored)
    points, front = _points(config, plan, evaluations, generations, store.path, front_level(plan, finals))
    attempts, (ended, finished) = store.attempts(), ended_steps(store, filed)
    return RunContents(
        label=label or store.path.resolve().name,
        path=store.path,
        config=config,
        environment=_environment(store),
        metadata={name: store.metadata(name) for name in METADATA},
        done=tuple(evaluation for evaluation in evaluations if evaluation.is_done),
        failed=tuple(evaluation for evaluation in evaluations if not evaluation.is_done),
        points=points,
        front=front,
        generations=generations,
        images=_images(store.path),
        timing=timing(attempts, ended),
        workload=workload(attempts, finished),
        finals=finals,
        failed_finals=failed_finals(filed, finals),
    )


def _points(
    config: SearchFile,
    plan: Plan,
    evaluations: Sequence[Evaluation],
    generations: Sequence[Mapping[str, Any]],
    path: Path,
    level: int,
) -> tuple[tuple[OperatingPoint, ...], tuple[OperatingPoint, ...]]:
    """Return all operating points, and those of the front by rising cost."""
    finished, goals = (
        {evaluation.key: evaluation for evaluation in evaluations if evaluation.is_done},
        goals_of(config),
    )
    choices = [
        (budget_fraction, setting)
        for setting in config.settings
        for budget_fraction in config.budget_fractions
    ]
    everything = [(key, *choice) for key in finished for choice in choices]
    if generations:
        named = [(*name, "")[:3] for name in generations[-1]["front"]]
        on_front = [
            (str(key), float(budget_fraction), str(setting)) for key, budget_fraction, setting in named
        ]
    else:  # killed in its first generation, or rescored
        individuals = [individual((), at, finished[key], goals, setting) for key, at, setting in everything]
        high = [
            candidate
            for candidate in individuals
            if plan.named(finished[candidate.key].fidelity).level >= level
        ]
        members = pareto_front(high, finished) or pareto_front(individuals, finished)
        on_front = [(member.key, member.budget_fraction, member.setting) for member in members]
    lost = [key for key, _, _ in on_front if key not in finished]
    if lost:
        raise RunError(
            f"{path} is damaged: its front names {lost[0]}, which it does not hold. Restore it from a copy, "
            f"or let the search make it again: aebnas resume {shlex.quote(str(path))}"
        )
    # the front first: of choices that lead to the same point it names the one the search kept
    points: dict[tuple[str, int], OperatingPoint] = {}
    for key, budget_fraction, setting in (*on_front, *everything):
        point = _point(finished[key], budget_fraction, goals, setting)
        points.setdefault((key, point.index), point)
    front = [points[key, finished[key].point_index(at, setting)] for key, at, setting in on_front]
    front.sort(key=lambda point: (point.metrics[config.cost_metric], -point.accuracy, point.key))
    for point in front:
        check_policy(point.policy, point.key, len(point.evaluation.reach_macs), path)
    return tuple(points.values()), tuple(front)


def _point(evaluation: Evaluation, budget_fraction: float, goals: Goals, setting: str) -> OperatingPoint:
    curve = evaluation.curve
    if curve is None:
        raise RunError(f"candidate {evaluation.key} is done but has no operating curve")
    missed = [
        max(0.0, violation)
        for violation in violations_of(metrics_at(evaluation, budget_fraction, setting), goals)
    ]
    return OperatingPoint(
        evaluation=evaluation,
        curve=curve,
        budget_fraction=budget_fraction,
        setting=setting,
        index=evaluation.point_index(budget_fraction, setting),
        metrics=evaluation.metrics(budget_fraction, setting),
        is_feasible=not any(missed),
        violation=sum(missed),
    )


def _environment(store: RunStore) -> Mapping[str, Any]:
    """Return the run's environment; a report does without it."""
    try:
        return store.environment
    except RunError:
        return {}


def _images(path: Path) -> Mapping[str, int]:
    """Return the number of images of each split; empty where the labels cannot be read."""
    pairs = zip(("calibrate", "select"), numbers_of_labels(path), strict=True)
    return {name: number for name, number in pairs if number is not None}


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
