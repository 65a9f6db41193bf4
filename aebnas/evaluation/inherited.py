"""Candidates that take their weights from a supernet."""

from __future__ import annotations

from aebnas.config.sections.fidelities.kinds import InheritedConfig
from aebnas.evaluation.bench import Arrays, Bench, Preparation, Realised
from aebnas.evaluation.plan import Fidelity, Step
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.api import Architecture
from aebnas.supernet.inheritance import InheritedSubnets, supernet_with
from aebnas.training.phase import all_but_early_heads
from aebnas.training.train import train

INHERITED = "inherited"
"""The kind's name, under which its weights travel."""


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
        source = self._bench.training_batches(architecture, seed)
        weights = self._bench.exit_weights(architecture)
        dtype, frozen = self._bench.dtype(architecture), all_but_early_heads(network) if only_exits else ()
        result = train(network, source.batches, further, weights, dtype, frozen, source.distillation)
        self.subnets.recalibrate(network)
        return Realised(network, result.last_loss, dtype)
