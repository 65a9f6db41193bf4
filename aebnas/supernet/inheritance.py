"""Networks that inherit their weights: extracted, recalibrated, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.data.loader import eval_batches
from aebnas.data.splits import Splits
from aebnas.errors import RunError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import weight_source
from aebnas.space.api import Architecture
from aebnas.space.spaces import make_space
from aebnas.supernet.recalibration import recalibrate
from aebnas.supernet.settings import SupernetSettings
from aebnas.supernet.storage import into
from aebnas.supernet.supernet import Supernet
from aebnas.supernet.weights import part_of
from aebnas.task.answers import is_right
from aebnas.task.task import Task
from aebnas.training.image_logits import image_logits

BATCH = 250
"""Images per forward pass of a recalibration."""
SAMPLE_SEED = 0
"""Of the images that batch norms are recalibrated on: the same for every network."""


SharedArrays = Mapping[str, NDArray[np.float32]]
"""Shared tensors by name, as they travel to workers."""


def supernet_with(
    settings: SupernetSettings, task: Task, weights: SharedArrays, device: str = "cpu"
) -> Supernet:
    """Return the supernet of some settings with given weights, of its own space or of a larger one.

    Raises:
        RunError: The weights have other names, or shapes that are too small.
    """
    supernet = new_supernet(settings, task, device)
    live = supernet.weights.tensors
    try:
        parts = {name: part_of(torch.tensor(weights[name]), tensor.shape) for name, tensor in live.items()}
    except (KeyError, ValueError) as error:
        raise RunError(f"the supernet lacks weights of this space: {error}") from error
    into(live, parts, "the supernet")
    return supernet


def new_supernet(settings: SupernetSettings, task: Task, device: str = "cpu") -> Supernet:
    """Return the untrained supernet of some settings.

    Raises:
        ConfigError: Pretrained weights that it begins with are not installed.
    """
    supernet = Supernet(
        make_space(settings.space, task.samples),
        task,
        boosting_coefficient=settings.training.boosting_coefficient,
        seed=settings.supernet.seed,
        device=device,
    )
    weight_source(settings.training.initial_weights).fill(supernet.weights.tensors)
    return supernet


class InheritedSubnets:
    """Extracts networks and recalibrates their batch norms on a fixed sample of the train split."""

    def __init__(self, settings: SupernetSettings, splits: Splits, supernet: Supernet) -> None:
        """Choose the sample: ``recalibration_images`` random ones of the train split."""
        self._supernet, self._splits = supernet, splits
        count = min(settings.recalibration_images, len(splits.train))
        # every batch full, so that each has the same say
        count = count // BATCH * BATCH or count
        # in random order: datasets come sorted by class, and a batch of one class has another spread
        chosen = np.random.default_rng(SAMPLE_SEED).permutation(len(splits.train))[:count]
        self._sample = splits.train.take(chosen)

    def extract(self, architecture: Architecture) -> EarlyExitNetwork:
        """Return a plain network with weights and batch-norm statistics of its own, in evaluation mode."""
        network = self._supernet.extract(architecture)
        self.recalibrate(network)
        return network

    def recalibrate(self, network: EarlyExitNetwork) -> None:
        """Replace a network's batch-norm statistics by those of the sample."""
        batches = eval_batches(
            self._sample,
            network.input,
            device=self._supernet.device,
            batch_size=BATCH,
        )
        recalibrate(network, (x for x, _ in batches))

    def accuracies(self, architecture: Architecture) -> list[float]:
        """Return the share of right answers on calibrate at every exit."""
        images = self._splits.calibrate
        logits = image_logits(self.extract(architecture), images)
        return [float(share) for share in is_right(logits, images.labels).mean(axis=0)]
