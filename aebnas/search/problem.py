"""The search problem: a search-space file and its data, resolved into what a search asks for.

``problem_of`` is where a file is resolved; what proposes, evaluates and decides sees its parts alone.
Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.config.schema import SearchConfig, SearchFile, WorkersConfig
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Plan
from aebnas.evaluation.settings import CandidateSettings, candidate_settings, goals_of
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.api import SearchSpace
from aebnas.space.spaces import make_space
from aebnas.task.task import Task


@dataclass(frozen=True)
class SearchProblem:
    """What is searched, for what, how, and by whom."""

    space: SearchSpace
    task: Task
    """What comes in, and how many answers there are."""
    goals: Goals
    candidates: CandidateSettings
    """How each is trained and scored."""
    search: SearchConfig
    """How architectures are proposed, and how many."""
    workers: WorkersConfig
    devices: DeviceCosts
    """Those that candidates are costed for."""

    @property
    def plan(self) -> Plan:
        """Return the fidelities in order."""
        return self.candidates.plan


def problem_of(config: SearchFile, task: Task, devices: DeviceCosts | None = None) -> SearchProblem:
    """Return the problem that a file poses on data.

    Args:
        config: The whole search-space file.
        task: What comes in, and how many answers there are.
        devices: Hardware profiles of the search.
    """
    return SearchProblem(
        space=make_space(config.space, task.samples, config.budget_fractions, config.settings),
        task=task,
        goals=goals_of(config),
        candidates=candidate_settings(config),
        search=config.search,
        workers=config.workers,
        devices=DeviceCosts() if devices is None else devices,
    )
