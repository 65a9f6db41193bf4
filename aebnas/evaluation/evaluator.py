"""Evaluating one architecture: give it its weights, collect logits, draw the operating curve.

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

from aebnas.data.splits import Splits
from aebnas.errors import CodeError, RunError, TrainingError
from aebnas.evaluation.bench import Bench, Logits, Shared
from aebnas.evaluation.curves import Fitted, fitted_curve
from aebnas.evaluation.fidelities import FIDELITIES
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import (
    Artefacts,
    Evaluation,
    ExitRecord,
    Outcome,
    Status,
    draft_evaluation,
)
from aebnas.evaluation.settings import CandidateSettings
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import SCORES, exit_scores, predictions
from aebnas.extensions.loading import users_error
from aebnas.hardware.cost.cost import NetworkCost, network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts, reach_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import weight_bytes
from aebnas.runtime.process import prepare_process
from aebnas.space.api import Architecture
from aebnas.training.image_logits import image_logits

BROKEN_SIGN = "CUDA error"
"""Words of a failure after which nothing works any more on the GPU of that process."""
MEMORY_SIGNS = ("can't allocate memory", "out of memory", "ALLOC_FAILED")
"""Words of plain RuntimeErrors by which torch on CPUs, CUDA and its libraries say so."""
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16"}


class Evaluator:
    """Takes candidates to the fidelities of a plan and scores them, on data that stay on one device."""

    def __init__(
        self,
        settings: CandidateSettings,
        splits: Splits,
        device: str = "cpu",
        costs: DeviceCosts | None = None,
        shared: Shared | None = None,
    ) -> None:
        """Prepare the process: threads, allocator, data.

        Args:
            settings: How candidates are trained and scored.
            splits: The images.
            device: ``cpu`` or ``cuda:N``, on which to train.
            costs: The devices of the search, which candidates are scored for.
            shared: What the fidelities of the plan prepared: the weights of a supernet, say.

        Raises:
            ValueError: What a fidelity prepares is not there.
        """
        self.settings = settings
        self.plan = settings.plan
        self.costs = DeviceCosts() if costs is None else costs
        self.splits = splits
        self.device = torch.device(device)
        prepare_process(self.device)
        self.bench = Bench(settings, splits, self.device, FIDELITIES, shared or {})
        self.bench.kinds  # noqa: B018 - what is missing is told here

    def evaluate(self, architecture: Architecture, step: Step | None = None) -> Outcome:
        """Return the outcome of one candidate; never raises for what the candidate did.

        Args:
            architecture: The candidate.
            step: To which fidelity of the plan it is taken, and from which weights; None: to the first.
        """
        step = Step(0) if step is None else step
        fidelity = self.plan.fidelities[step.level]
        cost = network_cost(architecture, self.splits.task)
        draft = replace(self._draft(architecture, cost), epochs=fidelity.epochs, fidelity=fidelity.name)
        started, cpu_started = time.perf_counter(), time.process_time()
        try:
            if fidelity.options.trains_whole_networks:
                self._check_size(cost, self.plan.work_epochs(step.level))
            self._check_weights(architecture)
            evaluation, artefacts = self._scored(draft, step)
        except Exception as error:
            evaluation, artefacts = draft.failed(*self._failure(error)), None
        evaluation = replace(
            evaluation,
            seconds=time.perf_counter() - started,
            cpu_seconds=time.process_time() - cpu_started,
            memory_mb=self._memory_mb(),
        )
        return Outcome(evaluation, artefacts)

    def _draft(self, architecture: Architecture, cost: NetworkCost) -> Evaluation:
        """Return what is known of a candidate before it has weights."""
        reach = self.costs.reach_costs(architecture, self.splits.task)
        if self.settings.training.boosting_coefficient:  # each answer is a sum over the exits before it
            alone = {"macs": tuple(cost.reach_macs.tolist()), **reach}
        else:
            on_devices = self.costs.cut_short_costs(architecture, self.splits.task)
            alone = {"macs": tuple(cost.cut_short_macs.tolist()), **on_devices}
        return draft_evaluation(architecture, cost, self.settings.seed, reach, alone)

    def _scored(self, draft: Evaluation, step: Step) -> tuple[Evaluation, Artefacts]:
        torch.manual_seed(draft.seed)
        realised = self.bench.realise(draft.architecture, step, draft.seed)
        options = self.plan.fidelities[step.level].options
        artefacts = self._artefacts(realised.network, realised.logits)
        fitted = self._fitted(artefacts, draft)
        scored = replace(
            draft,
            precision=PRECISIONS[realised.dtype],
            train_loss=realised.last_loss,
            epochs=0 if realised.last_loss is None and options.trains_whole_networks else draft.epochs,
            curve=fitted.curve,
            target_check=fitted.target_check,
            cost_metric=self.settings.exits.cost_metric,
        )
        return scored.with_measured(self.settings.exits.measured), artefacts

    def _check_weights(self, architecture: Architecture) -> None:
        """Refuse a candidate that nothing would train: exits with a weight are absent.

        Raises:
            TrainingError: The loss weights of its exits are all 0.
        """
        if not any(self.bench.exit_weights(architecture)):
            raise TrainingError(
                "every exit it has, the final classifier included, weighs 0 in training.loss.exit_weights = "
                f"{list(self.settings.training.exit_weights or ())}: nothing would train it"
            )

    def _artefacts(self, network: EarlyExitNetwork, given: Logits | None) -> Artefacts:
        splits = (self.splits.calibrate, self.splits.select)
        names = (*SCORES, *self.settings.exits.exits.outside_scores)
        logits = given or [image_logits(network, images) for images in splits]
        records = [
            ExitRecord({name: exit_scores(name, z) for name in names}, _small(predictions(z))) for z in logits
        ]
        return Artefacts(records[0], records[1], logits[0], logits[1], weight_bytes(network))

    def _fitted(self, artefacts: Artefacts, draft: Evaluation) -> Fitted:
        reach = reach_in(self.settings.exits.cost_metric, draft.reach_macs, draft.reach_costs)
        return fitted_curve(
            self.settings.exits,
            ExitSamples.of(artefacts.calibrate_logits, self.splits.calibrate.labels, reach),
            ExitSamples.of(artefacts.select_logits, self.splits.select.labels, reach),
        )

    def _check_size(self, cost: NetworkCost, epochs: int) -> None:
        """Refuse a candidate, to be trained for so many epochs, by numbers of no machine.

        Raises:
            TrainingError: It exceeds ``evaluation.max_training_macs`` or ``max_memory_mb``.
        """
        limits, training = self.settings, self.settings.training
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

    def _failure(self, error: Exception) -> tuple[str, Status]:
        """Return why a candidate failed, in words, and what kind of failure it is."""
        if isinstance(error, TrainingError | CodeError):
            return str(error), Status.FAILED
        if isinstance(error, RunError):
            return str(error), Status.CANNOT_WRITE
        text = str(error).splitlines()[0] if str(error) else ""
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
            sign in str(error) for sign in MEMORY_SIGNS
        ):
            message = f"out of memory at {self._memory_mb():.0f} MB" + (f" ({text})" if text else "")
            return message, Status.OUT_OF_MEMORY
        status = Status.BROKEN_DEVICE if BROKEN_SIGN in str(error) else Status.FAILED
        user_error = users_error(error)
        return str(user_error) if user_error else f"{type(error).__name__}: {text}", status

    def _memory_mb(self) -> float:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _small(
    classes: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return classes.astype(np.uint16)
