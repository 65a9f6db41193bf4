"""Evaluating one architecture: train it or let it inherit, collect logits, draw the operating curve.

An ``Evaluator`` lives as long as its worker and keeps the data on the device.
Whatever goes wrong with one candidate becomes a failed evaluation with its
reason; the evaluator is ready for the next one.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from aebnas.config.schema import SearchFile
from aebnas.data.loader import TrainBatches
from aebnas.data.splits import Splits
from aebnas.data.statistics import ChannelStatistics
from aebnas.errors import TrainingError
from aebnas.evaluation.curves import Fitted, fitted_curve
from aebnas.evaluation.identity import leg_seed
from aebnas.evaluation.record import (
    Artefacts,
    Evaluation,
    ExitRecord,
    Outcome,
    draft_evaluation,
)
from aebnas.evaluation.rungs import Leg
from aebnas.exits.samples import ExitSamples
from aebnas.exits.scores import SCORES, exit_scores, predictions
from aebnas.hardware.cost import NetworkCost, network_cost
from aebnas.hardware.device_costs import DeviceCosts, reach_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import load_weight_bytes, weight_bytes
from aebnas.runtime.process import prepare_process
from aebnas.space.api import Architecture
from aebnas.supernet.inheritance import Heirs, Weights, supernet_with
from aebnas.training.exit_weights import exit_weights
from aebnas.training.finetuning import finetune
from aebnas.training.image_logits import image_logits
from aebnas.training.precision import training_dtype
from aebnas.training.trainer import TrainingResult, train

FINETUNE_SHARE = 0.1
"""Of ``training.learning_rate``: the default peak of ``evaluation.finetune_epochs``."""
MEMORY_SIGNS = ("can't allocate memory", "out of memory", "ALLOC_FAILED")
"""Words of plain RuntimeErrors by which torch on CPUs, CUDA and its libraries say so."""
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16"}


class Evaluator:
    """Trains and scores candidates on data that stay on one device."""

    def __init__(
        self,
        config: SearchFile,
        splits: Splits,
        device: str = "cpu",
        costs: DeviceCosts | None = None,
        supernet: Weights | None = None,
    ) -> None:
        """Prepare the process: threads, allocator, data.

        Args:
            config: The whole search-space file.
            splits: The images.
            device: ``cpu`` or ``cuda:N``, on which to train.
            costs: The devices of the search, which candidates are scored for.
            supernet: Shared weights that candidates inherit, for ``evaluation.mode: supernet``.

        Raises:
            ValueError: Candidates shall inherit, but there is nothing to inherit.
        """
        self.config = config
        self.costs = DeviceCosts() if costs is None else costs
        self.splits = splits
        self.device = torch.device(device)
        self.statistics = ChannelStatistics.of(splits.train)
        prepare_process(self.device)
        self._heirs: Heirs | None = None
        if config.evaluation.mode == "supernet":
            if supernet is None:
                raise ValueError("evaluation.mode: supernet needs the weights of a supernet")
            self._heirs = Heirs(config, splits, supernet_with(config, splits, supernet, device))

    def evaluate(self, architecture: Architecture, leg: Leg | None = None) -> Outcome:
        """Return the outcome of one candidate; never raises for what the candidate did.

        Args:
            architecture: The candidate.
            leg: With successive halving, what of its training is done now; of a finalist, the training
                that begins with what it inherits; None: all of it, or the heir.
        """
        task = self.splits.task
        cost = network_cost(architecture, task)
        reach_costs = self.costs.reach_costs(architecture, task)
        draft = draft_evaluation(architecture, cost, self.config.search.seed, reach_costs=reach_costs)
        draft = replace(draft, epochs=self.config.candidate_epochs if leg is None else leg.epochs)
        started, cpu_started = time.perf_counter(), time.process_time()
        try:
            self._check_size(cost, draft.epochs or 0)
            self._check_weights(architecture)
            evaluation, artefacts = self._trained(draft, leg)
        except Exception as error:
            evaluation, artefacts = replace(draft, status=f"failed: {self._reason(error)}"), None
        evaluation = replace(
            evaluation,
            seconds=time.perf_counter() - started,
            cpu_seconds=time.process_time() - cpu_started,
            memory_mb=self._memory_mb(),
        )
        return Outcome(evaluation, artefacts)

    def _trained(self, draft: Evaluation, leg: Leg | None) -> tuple[Evaluation, Artefacts]:
        dtype = training_dtype(self.config.training.precision, draft.architecture.backbone_types, self.device)
        torch.manual_seed(draft.seed)
        if self._heirs is None or leg is not None:
            network, result = self._by_training(draft, dtype, leg or Leg(0, self.config.candidate_epochs))
        else:
            network, result = self._heir(self._heirs, draft, dtype)
        artefacts = self._artefacts(network)
        fitted = self._fitted(artefacts, draft)
        return (
            replace(
                draft,
                precision=PRECISIONS[dtype if result else torch.float32],
                train_loss=result.last_loss if result else None,
                epochs=draft.epochs if result else 0,
                curve=fitted.curve,
                verdict=fitted.verdict,
                cost_metric=self.config.cost_metric,
            ),
            artefacts,
        )

    def _by_training(
        self, draft: Evaluation, dtype: torch.dtype, leg: Leg
    ) -> tuple[EarlyExitNetwork, TrainingResult | None]:
        training, architecture = self.config.training, draft.architecture
        seed = leg_seed(self.config.search.seed, architecture.key(), leg.before)
        torch.manual_seed(seed)
        network = EarlyExitNetwork(architecture, self.splits.task, carry=training.carry)
        if leg.weights is not None:
            load_weight_bytes(network, leg.weights)
        elif self._heirs is not None:
            network.load_state_dict(self._heirs.extract(architecture).state_dict())
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches = self._batches(architecture, seed)
        training = training.model_copy(update={"epochs": leg.epochs - leg.before})
        return network, train(network, batches, training, self._weights(architecture), dtype)

    def _heir(
        self, heirs: Heirs, draft: Evaluation, dtype: torch.dtype
    ) -> tuple[EarlyExitNetwork, TrainingResult | None]:
        options, training = self.config.evaluation, self.config.training
        network, only_exits = heirs.extract(draft.architecture), options.finetune == "exits"
        if not options.finetune_epochs or (only_exits and not draft.architecture.exit_names):
            return network, None
        rate = options.finetune_learning_rate or FINETUNE_SHARE * training.learning_rate
        further = training.model_copy(update={"epochs": options.finetune_epochs, "learning_rate": rate})
        batches, weights = self._batches(draft.architecture, draft.seed), self._weights(draft.architecture)
        result = finetune(network, batches, further, weights, dtype, only_exits)
        heirs.recalibrate(network)
        return network, result

    def _batches(self, architecture: Architecture, seed: int) -> TrainBatches:
        return TrainBatches(
            self.splits.train,
            device=self.device,
            resolution=architecture.input_size,
            batch_size=self.config.training.batch_size,
            augment=self.config.training.augment,
            seed=seed,
            statistics=self.statistics,
        )

    def _weights(self, architecture: Architecture) -> tuple[float, ...]:
        """Return one loss weight per exit that is present."""
        return exit_weights(self.config.training.exit_weights, self.config.space.exit_positions, architecture)

    def _check_weights(self, architecture: Architecture) -> None:
        """Refuse a candidate that nothing would train: exits with a weight are absent.

        Raises:
            TrainingError: The loss weights of its exits are all 0.
        """
        if not any(self._weights(architecture)):
            raise TrainingError(
                "every exit it has, the final classifier included, weighs 0 in training.loss.exit_weights = "
                f"{list(self.config.training.exit_weights or ())}: nothing would train it"
            )

    def _artefacts(self, network: EarlyExitNetwork) -> Artefacts:
        splits = (self.splits.calibrate, self.splits.select)
        logits = [image_logits(network, images, self.statistics) for images in splits]
        records = [
            ExitRecord({name: exit_scores(name, z) for name in SCORES}, _small(predictions(z)))
            for z in logits
        ]
        return Artefacts(records[0], records[1], logits[0], logits[1], weight_bytes(network))

    def _fitted(self, artefacts: Artefacts, draft: Evaluation) -> Fitted:
        reach = reach_in(self.config.cost_metric, draft.reach_macs, draft.reach_costs)
        return fitted_curve(
            self.config,
            ExitSamples.of(artefacts.calibrate_logits, self.splits.calibrate.labels, reach),
            ExitSamples.of(artefacts.select_logits, self.splits.select.labels, reach),
        )

    def _check_size(self, cost: NetworkCost, epochs: int) -> None:
        """Refuse a candidate, to be trained for so many epochs or more, by numbers of no machine.

        Raises:
            TrainingError: It exceeds ``evaluation.max_training_macs`` or ``max_memory_mb``.
        """
        limits, training = self.config.evaluation, self.config.training
        epochs = max(epochs, self.config.candidate_epochs)
        work = float(cost.reach_macs[-1]) * len(self.splits.train) * epochs
        if limits.max_training_macs is not None and work > limits.max_training_macs:
            raise TrainingError(
                f"too large: {work:.3g} MACs x images x epochs > "
                f"evaluation.max_training_macs = {limits.max_training_macs:.3g}"
            )
        memory = cost.training_bytes(training.batch_size)
        if limits.max_memory_mb is not None and memory > limits.max_memory_mb * 1e6:
            raise TrainingError(
                f"too large: about {memory / 1e6:.0f} MB to train > "
                f"evaluation.max_memory_mb = {limits.max_memory_mb:g}"
            )

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TrainingError):
            return str(error)
        text = str(error).splitlines()[0] if str(error) else ""
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
            sign in str(error) for sign in MEMORY_SIGNS
        ):
            return f"out of memory at {self._memory_mb():.0f} MB" + (f" ({text})" if text else "")
        return f"{type(error).__name__}: {text}"

    def _memory_mb(self) -> float:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _small(
    classes: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return classes.astype(np.uint16)
