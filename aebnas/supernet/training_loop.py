"""The training loop of a supernet: from its last checkpoint to its end, by one process or several.

The file records how it went: ``seconds`` (of all sessions),
``device``, ``processor``, ``processes``, ``is_mixed`` (whether earlier sessions had others), ``loss``,
``steps``, and ``accuracies`` (null, or as in ``Progress``) with ``looked_at``, the step of that last look.
"""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aebnas.data.elastic import ElasticBatches
from aebnas.data.splits import Splits
from aebnas.errors import TrainingError
from aebnas.hardware.devices.devices import processor
from aebnas.runtime.process import prepare_process
from aebnas.supernet.inheritance import InheritedSubnets, new_supernet
from aebnas.supernet.process_group import ProcessGroup, device_of, leading
from aebnas.supernet.sandwich import Sandwich
from aebnas.supernet.settings import SupernetSettings
from aebnas.supernet.storage import StoredSupernet, into, load_supernet, save_supernet
from aebnas.supernet.supernet import Supernet
from aebnas.supernet.training import SupernetTraining

SECONDS_BETWEEN_NEWS = 1.0
"""Between two reports of an ongoing training."""
LOOKS = 10
"""Looks at three networks' accuracies during a training."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far the training of a supernet is."""

    step: int
    steps: int
    loss: float
    """Mean over the latest steps, networks and branches, summed over exits, in nats."""
    seconds: float
    """Of this session."""
    accuracies: dict[str, list[float]] | None = None
    """Now and then: of the ``smallest``, a ``middle`` and the ``largest`` network, by exit, on calibrate."""


OnProgress = Callable[[TrainingProgress], None]


def train_supernet(
    settings: SupernetSettings,
    splits: Splits,
    path: Path,
    metadata: dict[str, Any],
    on_progress: OnProgress,
    device: str,
) -> None:
    """Train a supernet to its end, by one process or several; go on with what the file holds.

    Args:
        settings: How it is trained.
        splits: Its data.
        path: The supernet's file: half trained, or missing.
        metadata: What it is trained for.
        on_progress: Hears how far it is.
        device: Where it is trained.

    Raises:
        RunError: The file cannot be read or written.
        TrainingError: The training diverged, or a process died.
    """
    size = min(settings.supernet.processes, settings.supernet.networks)
    begun = load_supernet(path) if path.exists() else None
    with leading(size, device, _follow, (pickle.dumps(settings), splits, begun, device)) as group:
        training = _begun(group, settings, splits, begun, device)
        before = {"seconds": 0.0} if begun is None else begun.record
        watch = _Watch(settings, splits, training, on_progress, before)
        _TrainingLoop(training, watch, path, metadata, before, _place(device, group)).run(
            settings.supernet.checkpoint_seconds
        )


def new_training(
    settings: SupernetSettings, splits: Splits, supernet: Supernet, group: ProcessGroup | None = None
) -> SupernetTraining:
    """Return the training of a supernet at its first step."""
    sandwich = Sandwich(supernet.space, supernet.task, supernet.boosting_coefficient)
    batches = ElasticBatches(
        splits.train,
        supernet.space.inputs(supernet.task),
        device=supernet.device,
        batch_size=settings.training.batch_size,
        augment=settings.training.augment,
        seed=settings.supernet.seed,
    )
    return SupernetTraining(supernet, sandwich, batches, settings.training, settings.supernet, group)


def _begun(
    group: ProcessGroup, settings: SupernetSettings, splits: Splits, begun: StoredSupernet | None, device: str
) -> SupernetTraining:
    """Return the training where it stands."""
    prepare_process(torch.device(device))
    supernet = new_supernet(settings, splits.task, device)
    training = new_training(settings, splits, supernet, group)
    if begun is not None:
        into(supernet.weights.tensors, begun.weights, "the supernet")
        training.restore(begun.step, begun.state)
    return training


def _follow(
    group: ProcessGroup, settings: bytes, splits: Splits, begun: StoredSupernet | None, device: str
) -> None:
    """Train this process's share of the networks; code that the settings name may be run by now."""
    for _ in _begun(group, pickle.loads(settings), splits, begun, device_of(group.rank, device)).advance():
        pass


def _place(device: str, group: ProcessGroup) -> dict[str, Any]:
    name = device if device == "cpu" else torch.cuda.get_device_name(device)
    return {"device": name, "processor": processor(), "processes": group.size}


class _TrainingLoop:
    """Trains this process's share, and saves."""

    def __init__(
        self,
        training: SupernetTraining,
        watch: _Watch,
        path: Path,
        metadata: dict[str, Any],
        before: Mapping[str, Any],
        place: Mapping[str, Any],
    ) -> None:
        self._training, self._watch, self._path, self._metadata = training, watch, path, metadata
        self._before, self._place = before, place
        self._began = time.monotonic()

    def run(self, checkpoint_seconds: float) -> None:
        saved = time.monotonic()
        try:
            for _ in self._training.advance():
                self._watch()
                if time.monotonic() - saved > checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        except KeyboardInterrupt:
            if self._training.is_whole:  # images and networks of a step follow from its number
                self._save()
            raise
        self._save()

    def _save(self) -> None:
        training = self._training
        is_over = training.step == training.steps
        if is_over:
            training.finish()  # whatever saves the last step, a Ctrl-C too: it counts as finished
        state = {} if is_over else training.state()
        weights = training.supernet.weights.tensors
        save_supernet(
            self._path,
            StoredSupernet(self._metadata, training.step, training.steps, weights, state, self._record()),
        )

    def _record(self) -> dict[str, Any]:
        before, loss = float(self._before["seconds"]), self._training.loss
        now = time.monotonic() - self._began
        return {
            "seconds": round(before + now, 1),
            "loss": loss if math.isfinite(loss) else self._before.get("loss"),
            "steps": self._training.steps,
            "accuracies": self._watch.accuracies,
            "looked_at": self._watch.looked_at,
            "is_mixed": self._is_mixed(),
            **self._place,
        }

    def _is_mixed(self) -> bool:
        changed = any(self._before.get(name, now) != now for name, now in self._place.items())
        return changed or bool(self._before.get("is_mixed"))


class _Watch:
    """Tells how far a training is, and now and then how good three networks are."""

    def __init__(
        self,
        settings: SupernetSettings,
        splits: Splits,
        training: SupernetTraining,
        on_progress: OnProgress,
        before: Mapping[str, Any],
    ) -> None:
        self._training, self._on_progress = training, on_progress
        self.accuracies, self.looked_at = before.get("accuracies"), before.get("looked_at")
        self._subnets = InheritedSubnets(settings, splits, training.supernet)
        self._shown = self._began = time.monotonic()
        self._every = max(1, training.steps // LOOKS)

    def __call__(self) -> None:
        training, now = self._training, time.monotonic()
        looks = training.step % self._every == 0 or training.step == training.steps
        if not looks and now - self._shown < SECONDS_BETWEEN_NEWS:
            return
        self._shown = now
        training.look_at_loss()
        accuracies = self._accuracies() if looks else None
        if accuracies is not None:
            self.accuracies, self.looked_at = accuracies, training.step
        self._on_progress(
            TrainingProgress(training.step, training.steps, training.loss, now - self._began, accuracies)
        )

    def _accuracies(self) -> dict[str, list[float]]:
        with self._training.averaged():
            try:
                return {
                    name: self._subnets.accuracies(architecture)
                    for name, architecture in self._training.sandwich.landmarks().items()
                }
            except TrainingError as error:  # a step with a finite loss can leave weights that are not
                raise self._training.diverged() from error
