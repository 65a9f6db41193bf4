"""A bank of heads: each branch at each cut is trained once, and every set of exits is then scored for free.

A head is filed under a key that covers whatever decides it: network and weights, preparation, data, cut,
layers, settings, whom it learned from, seed.  Any process finds it again; of two that want the same one, one
trains it and the other waits for its lock, which falls with a process that dies.  Seeds follow from keys,
never from order: a bank is the same bit for bit whoever filled it, in whatever order, however often stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.errors import TrainingError
from aebnas.files.draft import clear_drafts
from aebnas.files.full_disk import naming_full_disk
from aebnas.files.waiting_lock import held
from aebnas.heads.bank.branch import Branch
from aebnas.heads.bank.head_file import SMALLEST_BYTES, StoredHead, head_bytes, read_head, write_head
from aebnas.heads.bank.request import HeadRequest, HeadTraining, key_of, seed_of
from aebnas.heads.bank.training import Answers, head_dtype, head_logits, train_head
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import CALIBRATE, SELECT, Part

FORMAT = 1
CURE = "Free some, or name a directory on another disk; heads that are there are kept"
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16"}


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A head of a bank."""

    key: str
    request: HeadRequest
    stored: StoredHead

    @property
    def calibrate(self) -> NDArray[np.float32]:
        """Return its logits on calibrate, ``(n, classes)``."""
        return self.stored.logits["calibrate"]

    @property
    def select(self) -> NDArray[np.float32]:
        """Return its logits on select, ``(n, classes)``."""
        return self.stored.logits["select"]

    @property
    def record(self) -> Mapping[str, Any]:
        """Return what is known of it: ``seconds``, ``epochs``, ``train_loss``, accuracies, what it is."""
        return self.stored.record

    def branch(self, features: Features) -> Branch:
        """Return the module with its weights, in evaluation mode, on the CPU."""
        with torch.random.fork_rng(devices=[]):  # first weights are drawn, and replaced
            branch = Branch(features.spec(self.request.cut), self.request.layers)
        branch.load_state_dict(dict(self.stored.weights))
        return branch.eval()

    def answers(self, part: Part) -> NDArray[np.float32]:
        """Return its logits of any part, where they were kept for others to learn from."""
        kept = self.stored.logits[part.split]
        return kept[part.view] if part.split == "train" else kept


class HeadBank:
    """Heads on the features of one network, trained alike."""

    def __init__(
        self, directory: Path, features: Features, training: HeadTraining, last: TrainedHead | None = None
    ) -> None:
        """Open a bank; nothing is trained yet.

        Args:
            directory: Of all heads, of any network.
            features: Of the frozen network.
            training: Of every head.
            last: Whom heads learn from, of ``last_head``; None: from the network's own answers, and where it
                has none from labels alone.
        """
        self._directory, self._features, self._training, self._last = directory, features, training, last

    def key(self, request: HeadRequest, is_last: bool = False) -> str:
        """Return under what a head is filed."""
        dtype = head_dtype(request, self._training, self._features.store.device)
        return key_of(
            {
                "format": FORMAT,
                "features": self._features.identity,
                "route": self._features.route(request.cut),
                "views": self._features.plan.views,
                "precision": PRECISIONS[dtype],
                "teacher": "labels" if is_last else self._teacher_name,
                "is_last": is_last,
                **request.metadata(),
                **self._training.metadata(),
            }
        )

    def has(self, request: HeadRequest) -> bool:
        """Return whether a head is there, without reading it."""
        return (self._directory / self.key(request)).exists()

    def head(self, request: HeadRequest) -> TrainedHead:
        """Return a head, trained now if nobody did.

        Raises:
            TrainingError: It cannot be trained; also if that was found out earlier.
            ShapeError: The branch does not fit the features.
            RunError: It cannot be written.
        """
        return self._head(request, is_last=False)

    def last_head(self, request: HeadRequest) -> TrainedHead:
        """Return the head that takes the place of the network's own classifier, and that others learn from.

        It learns from labels alone; what it says of training images is kept as well.

        Raises:
            TrainingError: As for ``head``; ShapeError and RunError likewise.
        """
        return self._head(request, is_last=True)

    def distilled_from(self, last: TrainedHead) -> HeadBank:
        """Return the bank whose heads learn from a head of ``last_head``."""
        return HeadBank(self._directory, self._features, self._training, last)

    @property
    def _teacher_name(self) -> str:
        if self._training.distillation.share == 0:
            return "labels"
        if self._last is not None:
            return self._last.key
        return "network" if self._features.store.network.answers else "labels"

    def _teacher(self, is_last: bool) -> Answers | None:
        if is_last or self._teacher_name == "labels":
            return None
        return self._features.answers if self._last is None else self._last.answers

    def _head(self, request: HeadRequest, is_last: bool) -> TrainedHead:
        key = self.key(request, is_last)
        folder = self._directory / key
        stored = read_head(folder)
        if stored is None:
            with naming_full_disk(self._directory, SMALLEST_BYTES, CURE):
                self._directory.mkdir(parents=True, exist_ok=True)
            with held(self._directory / f".{key}.lock"):
                stored = read_head(folder) or self._trained(folder, request, is_last)
        if stored.failure is not None:
            raise TrainingError(stored.failure)
        return TrainedHead(key, request, stored)

    def _trained(self, folder: Path, request: HeadRequest, is_last: bool) -> StoredHead:
        clear_drafts(folder)
        started, cpu_started = time.perf_counter(), time.process_time()
        metadata = request.metadata() | {"key": folder.name} | self._training.metadata()
        try:
            stored = self._fitted(folder.name, request, is_last)
        except TrainingError as error:
            stored = StoredHead({"failure": str(error)}, {}, {})
        seconds = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}
        stored = StoredHead({**metadata, **stored.record, **seconds}, stored.logits, stored.weights)
        with naming_full_disk(self._directory, head_bytes(stored), CURE):
            write_head(folder, stored)
        return stored

    def _fitted(self, key: str, request: HeadRequest, is_last: bool) -> StoredHead:
        features = self._features
        fit = train_head(request, self._training, features, self._teacher(is_last), seed_of(key))
        logits = {
            part.name: head_logits(fit.branch, features, request.cut, part) for part in (CALIBRATE, SELECT)
        }
        record = {
            "precision": PRECISIONS[fit.dtype],
            "train_loss": fit.last_loss,
            "calibrate_accuracy": _accuracy(logits["calibrate"], features.labels(CALIBRATE)),
            "select_accuracy": _accuracy(logits["select"], features.labels(SELECT)),
        }
        if is_last:
            parts = [Part("train", view) for view in range(features.plan.views)]
            logits["train"] = np.stack(
                [head_logits(fit.branch, features, request.cut, part) for part in parts]
            )
        weights = {name: value.detach().cpu().contiguous() for name, value in fit.branch.state_dict().items()}
        return StoredHead(record, logits, weights)


def _accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(1) == labels).mean())
