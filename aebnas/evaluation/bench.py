"""What every kind of fidelity obeys, and what it is given: a worker's settings, images, shared arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.data.loader import TrainBatches
from aebnas.data.splits import Splits
from aebnas.evaluation.plan import Fidelity, Plan, Step
from aebnas.evaluation.settings import CandidateSettings
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import begun_network
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.spaces import make_space
from aebnas.task.input_spec import InputSpec
from aebnas.training.given_teacher import SETTING, GivenTeacher, loaded_teacher, options_of
from aebnas.training.losses.exit_weights import exit_weights
from aebnas.training.losses.teacher import Distillation, DistilledBatches
from aebnas.training.precision import training_dtype
from aebnas.training.trainer import Batches

Arrays = Mapping[str, NDArray[Any]]
"""What a kind of fidelity prepared once, by name; workers read it, and none copies it."""
Shared = Mapping[str, Arrays]
"""The same of all kinds of a plan."""


@dataclass(frozen=True)
class Preparation:
    """What a search lends to the kinds of its plan before the workers start."""

    supernet: Callable[[], Arrays]
    """Returns the weights of the run's supernet, trained first where there are none."""
    heads: Callable[[], None]
    """Keeps the features of given networks, so that heads can be trained on them."""


class Logits(NamedTuple):
    """What a candidate's exits say, where that is known without its network."""

    calibrate: NDArray[np.float32]
    """Shape ``(images, exits, classes)``."""
    select: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Realised:
    """A candidate with the weights of a fidelity."""

    network: EarlyExitNetwork
    last_loss: float | None = None
    """Mean loss of the last epoch, in nats; None where nothing was trained."""
    dtype: torch.dtype = torch.float32
    """Number format in which it was trained."""
    logits: Logits | None = None
    """Of its exits, where no image has to go through it; None: the network has to be asked."""


class TrainingBatches(NamedTuple):
    """What a network learns from."""

    batches: Batches
    """Images and labels, joined with what a teacher says where there is one."""
    distillation: Distillation | None = None
    """How much it listens; None: there is no teacher."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What one worker has for all its candidates: settings, images on a device, what fidelities share."""

    settings: CandidateSettings
    splits: Splits
    device: torch.device
    table: Mapping[str, type[FidelityKind]]
    """The kinds of fidelity by name."""
    shared: Shared = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """Return the fidelities in order."""
        return self.settings.plan

    @cached_property
    def kinds(self) -> Mapping[str, FidelityKind]:
        """Return the kinds of the plan.

        Raises:
            ValueError: What one of them prepares is not there.
        """
        return {name: self.table[name](self) for name in kinds_of(self.plan)}

    def realise(self, architecture: Architecture, step: Step, seed: int) -> Realised:
        """Return a candidate with the weights of the fidelity that a step takes it to."""
        fidelity = self.plan.fidelities[step.level]
        return self.kinds[fidelity.options.kind].realise(architecture, fidelity, step, seed)

    def dtype(self, architecture: Architecture) -> torch.dtype:
        """Return the number format in which a network is trained."""
        return training_dtype(self.settings.training.precision, architecture.backbone_types, self.device)

    def new_network(self, architecture: Architecture) -> EarlyExitNetwork:
        """Return a network with the weights that trainings begin with, on the CPU."""
        return begun_network(architecture, self.splits.task, self.settings.training)

    def batches(self, architecture: Architecture, seed: int) -> TrainBatches:
        """Return the images that train a network."""
        return self._batches(architecture.input(self.splits.task), seed)

    def _batches(self, spec: InputSpec, seed: int) -> TrainBatches:
        return TrainBatches(
            self.splits.train,
            spec,
            device=self.device,
            batch_size=self.settings.training.batch_size,
            augment=self.settings.training.augment,
            seed=seed,
        )

    @cached_property
    def teacher(self) -> GivenTeacher | None:
        """Return the network whose answers candidates learn, on the device; None: they learn labels alone.

        Raises:
            ConfigError: It has other classes, or answers with probabilities.
            NetworkError, CodeError: It cannot be loaded, or does not take such images.
        """
        config = self.settings.training.teacher
        if config is None:
            return None
        teacher = loaded_teacher(options_of(config), self.splits.task, SETTING)
        teacher.network.to(self.device)
        return teacher

    def training_batches(self, architecture: Architecture, seed: int) -> TrainingBatches:
        """Return the images that train a network, with a teacher's answers where there is one."""
        student, config = self.batches(architecture, seed), self.settings.training.teacher
        if self.teacher is None or config is None:
            return TrainingBatches(student)
        seen = self._batches(self.teacher.input, seed)
        distilled = DistilledBatches(student, seen, self.teacher.network)
        return TrainingBatches(distilled, Distillation(config.share, config.temperature))

    def exit_weights(self, architecture: Architecture) -> tuple[float, ...]:
        """Return one loss weight per exit that is present."""
        return exit_weights(self.settings.training.exit_weights, self.space.exit_positions, architecture)

    def network_before(self, architecture: Architecture, fidelity: Fidelity) -> EarlyExitNetwork | None:
        """Return the network with which a training begins, where the fidelity before stores none."""
        if not fidelity.level:
            return None
        before = self.plan.fidelities[fidelity.level - 1].options.kind
        return self.kinds[before].beginning(architecture)

    @cached_property
    def space(self) -> SearchSpace:
        """Return the space that the candidates are of."""
        return make_space(self.settings.supernet.space, self.splits.task.samples)


class FidelityKind(Protocol):
    """A way in which candidates get their weights."""

    def __init__(self, bench: Bench) -> None:
        """Prepare for one worker's candidates.

        Raises:
            ValueError: What ``prepare`` returns is not there.
        """
        ...

    @staticmethod
    def prepare(preparation: Preparation) -> Arrays | None:
        """Return what is made once, before the workers start; None: nothing."""
        ...

    def beginning(self, architecture: Architecture) -> EarlyExitNetwork | None:
        """Return the network with which a training behind this one begins; None: its weights are stored."""
        ...

    def realise(self, architecture: Architecture, fidelity: Fidelity, step: Step, seed: int) -> Realised:
        """Return a candidate with its weights.

        Args:
            architecture: The candidate.
            fidelity: Of this kind, at its place in the plan.
            step: Has the weights of the fidelity before, where this one continues.
            seed: Of a whole training of the candidate.
        """
        ...


def kinds_of(plan: Plan) -> list[str]:
    """Return the names of a plan's kinds, each once."""
    return list(dict.fromkeys(fidelity.options.kind for fidelity in plan.fidelities))
