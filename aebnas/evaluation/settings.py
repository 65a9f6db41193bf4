"""A search-space file resolved into what evaluating candidates needs: nobody below sees the file.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.config.schema import SearchFile
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Plan, plan_of
from aebnas.supernet.settings import SupernetSettings


@dataclass(frozen=True)
class ExitSettings:
    """When samples leave, and what that trades."""

    exits: ExitsConfig
    """Policies and target."""
    cost_metric: str
    """What is traded for accuracy: macs, latency_ms@PROFILE or energy_mj@PROFILE."""
    measured: tuple[str, ...] = ()
    """What objectives and constraints ask of the answers beside accuracy, by name."""


@dataclass(frozen=True)
class CandidateSettings:
    """How every candidate of a search is trained and scored; small, and travels to the workers."""

    plan: Plan
    """The fidelities in order."""
    training: TrainingConfig
    exits: ExitSettings
    supernet: SupernetSettings
    """Of the shared weights, where the plan inherits."""
    seed: int
    """Of the run."""
    max_training_macs: float | None = None
    """Refuse a candidate whose MACs x images x epochs exceed this."""
    max_memory_mb: float | None = None
    """Refuse a candidate whose estimated training memory exceeds this."""
    outside_names: tuple[str, ...] = ()
    """Of code from outside that decides."""


def candidate_settings(config: SearchFile) -> CandidateSettings:
    """Return how a file has its candidates trained and scored."""
    return CandidateSettings(
        plan=plan_of(config),
        training=config.training,
        exits=exit_settings(config),
        supernet=supernet_settings(config),
        seed=config.search.seed,
        max_training_macs=config.evaluation.max_training_macs,
        max_memory_mb=config.evaluation.max_memory_mb,
        outside_names=config.outside_names,
    )


def exit_settings(config: SearchFile) -> ExitSettings:
    """Return when samples leave the networks of a file."""
    return ExitSettings(config.exits, config.cost_metric, config.measured)


def supernet_settings(config: SearchFile) -> SupernetSettings:
    """Return how the supernet of a file is trained."""
    return SupernetSettings(
        config.space, config.training, config.supernet, config.evaluation.recalibration_images
    )


def goals_of(config: SearchFile) -> Goals:
    """Return what a file looks for."""
    return Goals(
        objectives=tuple(config.objectives),
        constraints=config.constraints,
        profiles=config.profiles,
        budget_fractions=config.budget_fractions,
        has_target=config.exits.target is not None,
        bounds_cost=config.exits.budget_metric is not None,
    )
