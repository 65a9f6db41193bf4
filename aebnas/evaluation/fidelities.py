"""The kinds of fidelity: what each prepares before a search, and how it gives a candidate its weights.

To add one, write a class that obeys ``FidelityKind`` and enter it in ``FIDELITIES`` under the kind's name,
its options in ``config/sections/fidelities.py``.  Nobody else asks for a kind by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from numpy.typing import NDArray

from aebnas.config.sections.fidelities import InheritedConfig
from aebnas.data.loader import TrainBatches
from aebnas.data.splits import Splits
from aebnas.evaluation.identity import fidelity_step_seed
from aebnas.evaluation.plan import Fidelity, Plan, Step
from aebnas.evaluation.settings import CandidateSettings
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import begun_network, weight_source
from aebnas.nets.weights import load_weight_bytes
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.spaces import make_space
from aebnas.supernet.inheritance import InheritedSubnets, supernet_with
from aebnas.training.finetuning import finetune
from aebnas.training.losses.exit_weights import exit_weights
from aebnas.training.precision import training_dtype
from aebnas.training.trainer import TrainingResult, train

Arrays = Mapping[str, NDArray[Any]]
"""What a kind of fidelity prepared once, by name; workers read it, and none copies it."""
Shared = Mapping[str, Arrays]
"""The same of all kinds of a plan."""


INHERITED = "inherited"
"""The kind's name, under which its weights travel."""


@dataclass(frozen=True)
class Preparation:
    """What a search lends to the kinds of its plan before the workers start."""

    supernet: Callable[[], Arrays]
    """Returns the weights of the run's supernet, trained first where there are none."""


@dataclass(frozen=True, eq=False)
class Realised:
    """A candidate with the weights of a fidelity."""

    network: EarlyExitNetwork
    result: TrainingResult | None = None
    """None where nothing was trained."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What one worker has for all its candidates: settings, images on a device, what fidelities share."""

    settings: CandidateSettings
    splits: Splits
    device: torch.device
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
        return {name: FIDELITIES[name](self) for name in _kinds(self.plan)}

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
        return TrainBatches(
            self.splits.train,
            architecture.input(self.splits.task),
            device=self.device,
            batch_size=self.settings.training.batch_size,
            augment=self.settings.training.augment,
            seed=seed,
        )

    def exit_weights(self, architecture: Architecture) -> tuple[float, ...]:
        """Return one loss weight per exit that is present."""
        return exit_weights(self.settings.training.exit_weights, self.space.exit_positions, architecture)

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


class Trained:
    """Trained for some epochs, as from scratch, but for where it begins."""

    def __init__(self, bench: Bench) -> None:
        """Train with the settings and images of a worker."""
        self._bench = bench
        weight_source(bench.settings.training.initial_weights)  # what is not installed is told here

    @staticmethod
    def prepare(preparation: Preparation) -> Arrays | None:
        """Return None: a training needs nothing but images."""
        return None

    def beginning(self, architecture: Architecture) -> EarlyExitNetwork | None:
        """Return None: its own weights are where a longer training goes on."""
        return None

    def realise(self, architecture: Architecture, fidelity: Fidelity, step: Step, seed: int) -> Realised:
        """Return the trained network."""
        bench, training = self._bench, self._bench.settings.training
        seed = fidelity_step_seed(bench.settings.seed, architecture.key(), fidelity.before)
        torch.manual_seed(seed)
        network = bench.new_network(architecture)
        begun = self._beginning(architecture, fidelity)
        if step.weights is not None:
            load_weight_bytes(network, step.weights)
        elif begun is not None:
            network.load_state_dict(begun.state_dict())
        network.to(bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches = bench.batches(architecture, seed)
        settings = training.model_copy(update={"epochs": fidelity.epochs - fidelity.before})
        weights, dtype = bench.exit_weights(architecture), bench.dtype(architecture)
        return Realised(network, train(network, batches, settings, weights, dtype))

    def _beginning(self, architecture: Architecture, fidelity: Fidelity) -> EarlyExitNetwork | None:
        if not fidelity.level:
            return None
        before = self._bench.plan.fidelities[fidelity.level - 1].options.kind
        return self._bench.kinds[before].beginning(architecture)


class Inherited:
    """Weights of a supernet, with batch-norm statistics of its own, trained a little further if asked for."""

    def __init__(self, bench: Bench) -> None:
        """Build the supernet of a worker from the shared weights."""
        shared = bench.shared.get(INHERITED)
        if shared is None:
            raise ValueError("candidates that inherit need the weights of a supernet")
        self._bench = bench
        supernet = supernet_with(bench.settings.supernet, bench.splits.task, shared, str(bench.device))
        self.subnets = InheritedSubnets(bench.settings.supernet, bench.splits, supernet)

    @staticmethod
    def prepare(preparation: Preparation) -> Arrays | None:
        """Return the weights of the run's supernet."""
        return preparation.supernet()

    def beginning(self, architecture: Architecture) -> EarlyExitNetwork | None:
        """Return what the candidate inherits, not fine-tuned."""
        return self.subnets.extract(architecture)

    def realise(self, architecture: Architecture, fidelity: Fidelity, step: Step, seed: int) -> Realised:
        """Return the inherited network."""
        options, training = fidelity.options, self._bench.settings.training
        network = self.subnets.extract(architecture)
        if not isinstance(options, InheritedConfig) or not options.finetune_epochs:
            return Realised(network)
        only_exits = options.finetune == "exits"
        if only_exits and not architecture.exit_names:
            return Realised(network)
        rate = options.peak_rate(training.learning_rate)
        further = training.model_copy(update={"epochs": options.finetune_epochs, "learning_rate": rate})
        batches, weights = self._bench.batches(architecture, seed), self._bench.exit_weights(architecture)
        result = finetune(network, batches, further, weights, self._bench.dtype(architecture), only_exits)
        self.subnets.recalibrate(network)
        return Realised(network, result)


FIDELITIES: dict[str, type[FidelityKind]] = {"trained": Trained, INHERITED: Inherited}
"""The kinds, by the name that ``evaluation.fidelities`` gives them."""


def prepared(plan: Plan, preparation: Preparation) -> Shared:
    """Return what the kinds of a plan make once, before the workers start."""
    made = {name: FIDELITIES[name].prepare(preparation) for name in _kinds(plan)}
    return {name: arrays for name, arrays in made.items() if arrays is not None}


def _kinds(plan: Plan) -> list[str]:
    return list(dict.fromkeys(fidelity.options.kind for fidelity in plan.fidelities))
