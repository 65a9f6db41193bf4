"""Candidates that are trained: from first weights, from a supernet's or another fidelity's, or fine-tuned."""

from __future__ import annotations

import torch

from aebnas.config.sections.fidelities.kinds import FinetunedConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.evaluation.bench import Arrays, Bench, Preparation, Realised, TrainingBatches
from aebnas.evaluation.identity import fidelity_step_seed
from aebnas.evaluation.plan import Fidelity, Step
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import weight_source
from aebnas.nets.weights import load_weight_bytes
from aebnas.space.api import Architecture
from aebnas.training.phase import all_but_new_exits
from aebnas.training.train import train
from aebnas.training.trainer import TrainingResult


class Trained:
    """Trained for some epochs, as from scratch, but for where it begins."""

    def __init__(self, bench: Bench) -> None:
        """Train with the settings and images of a worker."""
        self._bench = bench
        weight_source(bench.settings.training.initial_weights)  # what is not installed is told here
        bench.teacher  # noqa: B018 - and who cannot teach

    @staticmethod
    def prepare(preparation: Preparation) -> Arrays | None:
        """Return None: a training needs nothing but images."""
        return None

    def beginning(self, architecture: Architecture) -> EarlyExitNetwork | None:
        """Return None: its own weights are where a longer training goes on."""
        return None

    def realise(self, architecture: Architecture, fidelity: Fidelity, step: Step, seed: int) -> Realised:
        """Return the trained network."""
        bench = self._bench
        seed = fidelity_step_seed(bench.settings.seed, architecture.key(), fidelity.before)
        torch.manual_seed(seed)
        network = bench.new_network(architecture)
        begun = bench.network_before(architecture, fidelity)
        if step.weights is not None:
            load_weight_bytes(network, step.weights)
        elif begun is not None:
            network.load_state_dict(begun.state_dict())
        network.to(bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        source = bench.training_batches(architecture, seed)
        weights, dtype = bench.exit_weights(architecture), bench.dtype(architecture)
        result = self._train(network, fidelity, source, weights, dtype)
        return Realised(network, result.last_loss, dtype)

    def _train(
        self,
        network: EarlyExitNetwork,
        fidelity: Fidelity,
        source: TrainingBatches,
        weights: tuple[float, ...],
        dtype: torch.dtype,
    ) -> TrainingResult:
        settings = self._settings(fidelity)
        return train(network, source.batches, settings, weights, dtype, (), source.distillation)

    def _settings(self, fidelity: Fidelity) -> TrainingConfig:
        epochs = fidelity.epochs - fidelity.before
        return self._bench.settings.training.model_copy(update={"epochs": epochs})


class Finetuned(Trained):
    """Trained further, at a lower rate: exits and all, or the exits alone."""

    def _train(
        self,
        network: EarlyExitNetwork,
        fidelity: Fidelity,
        source: TrainingBatches,
        weights: tuple[float, ...],
        dtype: torch.dtype,
    ) -> TrainingResult:
        options = fidelity.options
        if not isinstance(options, FinetunedConfig):
            raise TypeError(f"options of finetuned are needed, but got those of {options.kind}")
        rate = options.peak_rate(self._bench.settings.training.learning_rate)
        settings = self._settings(fidelity)
        usual = settings.frozen_batch_norm or self._bench.plan.is_frozen
        keeps = usual if options.frozen_batch_norm is None else options.frozen_batch_norm
        settings = settings.model_copy(update={"learning_rate": rate, "frozen_batch_norm": keeps})
        frozen = all_but_new_exits(network) if options.scope == "heads" else ()
        return train(network, source.batches, settings, weights, dtype, frozen, source.distillation)
