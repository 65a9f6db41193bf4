"""Training one head on features, and what it then answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aebnas.errors import TrainingError
from aebnas.heads.bank.branch import Branch
from aebnas.heads.bank.request import HeadRequest, HeadTraining
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import Part
from aebnas.nets.network import EarlyExitNetwork
from aebnas.pretrained.to_map import ToMap
from aebnas.training.losses.teacher import distilled_phases, joined
from aebnas.training.phase import Phase
from aebnas.training.precision import training_dtype
from aebnas.training.trainer import evaluating, train_phases

Answers = Callable[[Part], NDArray[np.float32]]
"""Returns a teacher's logits of a part, ``(n, classes)``."""


class FeatureBatches:
    """Features of training images at one cut in random order; every iteration is one epoch.

    Each image shows another one of its views in every epoch.  Batches are full, as ``TrainBatches``.
    Targets are labels, or ``joined`` with what a teacher says.
    """

    def __init__(
        self, features: Features, cut: str, batch_size: int, seed: int, teacher: Answers | None
    ) -> None:
        """Read labels and what the teacher says; features are read batch by batch.

        Raises:
            TrainingError: There are fewer than 2 images.
        """
        self._features, self._cut = features, cut
        self._parts = [Part("train", view) for view in range(features.plan.views)]
        self._labels = torch.from_numpy(features.labels(self._parts[0]))
        if len(self._labels) < 2:
            raise TrainingError(f"a head needs at least 2 training images, but there are {len(self._labels)}")
        self._batch_size = min(batch_size, len(self._labels))
        self._answers = [torch.from_numpy(teacher(part)) for part in self._parts] if teacher else None
        self._generator = torch.Generator().manual_seed(seed)
        self._first = torch.randint(len(self._parts), (len(self._labels),), generator=self._generator)
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._labels) // self._batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield ``(features, targets)`` of one epoch."""
        views = (self._first + self._epoch) % len(self._parts)
        self._epoch += 1
        order = torch.randperm(len(self._labels), generator=self._generator)
        for rows in order[: len(self) * self._batch_size].view(-1, self._batch_size):
            rows = rows[views[rows].argsort(stable=True)]  # of one view after the other, each read at once
            counts = torch.bincount(views[rows], minlength=len(self._parts)).tolist()
            yield self._features_of(rows, counts), self._targets(rows, counts)

    def _features_of(self, rows: Tensor, counts: list[int]) -> Tensor:
        shares = zip(self._parts, rows.split(counts), strict=True)
        read = [self._features.rows(part, self._cut, share.numpy()) for part, share in shares if len(share)]
        return read[0] if len(read) == 1 else torch.cat(read)

    def _targets(self, rows: Tensor, counts: list[int]) -> Tensor:
        labels, device = self._labels[rows], self._features.store.device
        if self._answers is None:
            return labels.to(device)
        shares = zip(self._answers, rows.split(counts), strict=True)
        return joined(labels, torch.cat([answers[share] for answers, share in shares])).to(device)


@dataclass(frozen=True)
class Fit:
    """A head and how its training went."""

    branch: Branch
    dtype: torch.dtype
    last_loss: float


def head_dtype(request: HeadRequest, training: HeadTraining, device: torch.device) -> torch.dtype:
    """Return the number format in which a head is trained."""
    types = [layer.spec.type for layer in request.layers if not isinstance(layer, ToMap)]
    return training_dtype(training.config.precision, types, device)


def train_head(
    request: HeadRequest, training: HeadTraining, features: Features, teacher: Answers | None, seed: int
) -> Fit:
    """Return a trained head; the same for the same seed, on one kind of machine.

    Args:
        request: What to train.
        training: How.
        features: Of the frozen network.
        teacher: Whom it listens to; None: it learns from labels alone.
        seed: Of weights, order and views.

    Raises:
        TrainingError: Its loss became NaN or infinite, or grew out of bounds.
        ShapeError: The branch does not fit the features.
    """
    device, config = features.store.device, training.settings()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        branch = Branch(features.spec(request.cut), request.layers)
    branch.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = FeatureBatches(features, request.cut, config.batch_size, seed, teacher)
    dtype = head_dtype(request, training, device)
    # the loop asks for nothing of an early-exit network but the list of its logits
    network = cast(EarlyExitNetwork, _OnlyExit(branch))
    phase = _phase(training, request.classes, has_teacher=teacher is not None)
    result = train_phases(network, batches, config, [phase], dtype)
    return Fit(branch.eval(), dtype, result.last_loss)


def head_logits(branch: Branch, features: Features, cut: str, part: Part) -> NDArray[np.float32]:
    """Return a head's logits of a part's images, computed in fp32, ``(n, classes)``.

    Raises:
        TrainingError: One is NaN or infinite.
    """
    with evaluating(branch), torch.inference_mode():
        chunks = [branch(features.rows(part, cut, rows)).float().cpu() for rows in features.batches(part)]
    logits: NDArray[np.float32] = torch.cat(chunks).numpy()
    if not np.isfinite(logits).all():
        raise TrainingError("a logit of the trained head is NaN or infinite")
    return logits


class _OnlyExit(nn.Module):
    """A network of one exit, as the training loop takes it."""

    def __init__(self, branch: Branch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.branch(x)]


def _phase(training: HeadTraining, classes: int, has_teacher: bool) -> Phase:
    smoothing, chance = training.config.label_smoothing, math.log(classes)

    def loss(logits: list[Tensor], labels: Tensor) -> Tensor:
        return cross_entropy(logits[-1], labels, label_smoothing=smoothing)

    plain = Phase(training.config.epochs, loss, chance)
    if not has_teacher:
        return plain
    (phase,) = distilled_phases([plain], training.distillation, (1.0,), chance)
    return phase
