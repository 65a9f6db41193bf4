"""Plans and tasks: what is trained in full, from what, with which settings.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aebnas.config.outside import names_in
from aebnas.config.sections.training import NO_STATISTICS
from aebnas.errors import ConfigError
from aebnas.evaluation.identity import training_seed
from aebnas.extensions.consent import code_digest
from aebnas.space.api import Architecture
from aebnas.train.full.events import Role
from aebnas.train.full.images import FinalImages
from aebnas.train.full.settings import FinalSettings
from aebnas.train.select.selected_network import SelectedNetwork
from aebnas.training.losses.exit_weights import exit_weights

if TYPE_CHECKING:
    from torch import nn

    from aebnas.task.input_spec import InputSpec
    from aebnas.train.full.checkpoint import Checkpoint
    from aebnas.train.full.inheritance import Inheritance
    from aebnas.training.losses.teacher import Distillation


@dataclass(frozen=True)
class Plan:
    """What all trainings of one command share."""

    selected: SelectedNetwork
    settings: FinalSettings
    images: FinalImages
    device: str = "cpu"
    """``cpu`` or ``cuda:N``."""

    @property
    def cost_metric(self) -> str:
        """Return what exits trade for accuracy."""
        return self.selected.cost_metric(self.settings.exits)

    @property
    def budget_fraction(self) -> float | None:
        """Return the share of its own full cost that a policy may spend; None with a target."""
        return None if self.settings.exits.target else self.selected.budget_fraction or 1.0


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network that teaches, and how much the student listens to it."""

    network: nn.Module
    """Answers with a list of logits ``(batch, classes)``, the last of which teaches."""
    input: InputSpec
    """What it takes in."""
    key: str
    """16 hexadecimal digits that say which it is."""
    distillation: Distillation
    name: str | None = None
    """What a user named; None: the largest network of the space."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """One network to train."""

    role: Role
    architecture: Architecture
    folder: Path
    teacher: Teacher | None = None
    inheritance: Inheritance | None = None
    """Whose weights it begins with; None: random ones."""

    @property
    def supernet(self) -> str | None:
        """Return the checksum of the supernet whose weights it begins with; None: random ones."""
        return None if self.inheritance is None else self.inheritance.sha256

    @property
    def is_static(self) -> bool:
        """Return whether early exits were left out on purpose."""
        return self.role != "network"

    def seed(self, plan: Plan) -> int:
        """Return the seed of this training: it depends on the run's and the architecture alone."""
        return training_seed(plan.selected.run_seed, self.architecture.key())

    def identity(self, plan: Plan) -> dict[str, Any]:
        """Return what decides the weights; fit for JSON."""
        distillation = None
        if self.teacher is not None:
            listening = self.teacher.distillation
            distillation = {
                "key": self.teacher.key,
                "share": listening.share,
                "temperature": listening.temperature,
                "name": self.teacher.name,
            }
        identity = {
            "key": self.architecture.key(),
            "is_static": self.is_static,
            "seed": self.seed(plan),
            "data_fingerprint": plan.images.fingerprint,
            "training": plan.settings.training.model_dump(mode="json"),
            "teacher": distillation,
        }
        deciding = {"space": self.architecture.to_dict(), "training": identity["training"]}
        return identity | _beginning(self.supernet) | _code({n: code_digest(n) for n in names_in(deciding)})

    def check(self, plan: Plan) -> None:
        """Refuse settings that do not fit the network, before anything is written.

        Raises:
            ConfigError: Exit weights are not those of this network, or batch norms shall keep statistics
                that it does not have.
        """
        self.weights(plan)
        training, segments = plan.settings.training, self.architecture.segments(plan.images.task)
        layers = [layer for segment in segments for layer in segment.layers()]
        brings = training.initial_weights != "random" or any(layer.brings_weights for layer in layers)
        if training.frozen_batch_norm and not brings:
            raise ConfigError(f"training.frozen_batch_norm {NO_STATISTICS}")
        if training.frozen_batch_norm and self.inheritance is not None:
            raise ConfigError(
                "training.frozen_batch_norm: a supernet holds no statistics of batch norms to keep; "
                "leave it, or --inherit, out"
            )

    def weights(self, plan: Plan) -> tuple[float, ...]:
        """Return one loss weight per exit.

        Raises:
            ConfigError: ``exit_weights`` do not say what this network's exits weigh.
        """
        given, exits = plan.settings.training.exit_weights, self.architecture.exit_names
        if given is None or self.is_static:  # the space around a network takes seconds to make
            return exit_weights(None, exits, self.architecture)
        origin = plan.selected.origin
        positions = exits if origin is None else origin.space(plan.images.task).exit_positions
        if len(given) != len(positions) + 1:
            raise ConfigError(
                f"training.loss.exit_weights needs {len(positions) + 1} values, one per exit of "
                f"{', '.join(positions) or 'no stage'} and the final classifier, but got {len(given)}"
            )
        weights = exit_weights(given, positions, self.architecture)
        if not any(weights):
            raise ConfigError("training.loss.exit_weights: every exit that this network has weighs 0")
        return weights


def identity_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what decided a finished network's weights; as ``TrainingJob.identity``."""
    identity = {
        "key": checkpoint.key,
        "is_static": checkpoint.is_static,
        "seed": checkpoint.seed,
        "data_fingerprint": checkpoint.data_fingerprint,
        "training": checkpoint.training.model_dump(mode="json"),
        "teacher": None if checkpoint.teacher is None else checkpoint.teacher.model_dump(mode="json"),
    }
    return identity | _beginning(checkpoint.supernet) | _code(checkpoint.code_of_weights())


def _code(digests: Mapping[str, str]) -> dict[str, Any]:
    """Return the code from outside that decides weights; none leaves no trace."""
    return {"code": dict(digests)} if digests else {}


def _beginning(supernet: str | None) -> dict[str, str]:
    """Return which supernet a training began with; random weights leave no trace, as ever."""
    return {} if supernet is None else {"supernet": supernet}
