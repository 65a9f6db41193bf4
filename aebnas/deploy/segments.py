"""Segments of an exported network in onnxruntime: one image that stops, a batch that shrinks.

Must not import torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.online import Decide, online, online_single
from aebnas.runtime.onnx_session import (
    EARLIER,
    FEATURES,
    IMAGE,
    INPUT,
    LOGITS,
    onnx_runner,
    reads_image,
    takes_earlier,
)
from aebnas.runtime.runner import Answer, Leave

Inputs = NDArray[np.float32]
Logits = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BatchAnswer:
    """What a network said about each image of a batch, and where each left."""

    exits: NDArray[np.int64]
    """``(N,)``."""
    logits: Logits
    """Of that exit, ``(N, classes)``."""
    ms: NDArray[np.float64]
    """Since the batch began, when the image's exit had decided; ``(N,)``."""


class SegmentChain:
    """Sessions of one network, one per segment in order."""

    def __init__(self, sessions: Sequence[Any]) -> None:
        """Join sessions whose inputs and outputs fit, as ``segment_graph`` names them."""
        self.sessions = tuple(sessions)
        self._runner = onnx_runner(self.sessions)
        self._takes_earlier = [takes_earlier(session) for session in self.sessions]
        self._reads_image = [reads_image(session) for session in self.sessions]
        self._outputs = [[output.name for output in session.get_outputs()] for session in self.sessions]

    def __len__(self) -> int:
        """Return the number of exits."""
        return len(self.sessions)

    def one(self, image: Inputs, policy: ExitPolicy) -> Answer:
        """Return the answer for one image ``(1, c, r, r)``; later segments are never called."""
        return self.stopper(policy)(image)

    def stopper(self, policy: ExitPolicy) -> Stopper:
        """Return what answers images one by one under a policy."""
        return Stopper(self._runner.run, policy)

    def batch(self, images: Inputs, decide: Decide) -> BatchAnswer:
        """Return the answers for a batch ``(N, c, r, r)``; no image is computed behind its exit."""
        count, last = len(images), len(self.sessions) - 1
        exits = np.full(count, last, np.int64)
        ms = np.zeros(count)
        answers: list[tuple[NDArray[np.int64], Logits]] = []
        index, so_far, x = np.arange(count), list[Logits](), images
        started = time.perf_counter()
        for i in range(last + 1):
            x, logits = self._call(i, x, images, so_far)
            so_far.append(logits)
            leaves = np.ones(len(index), np.bool_) if i == last else decide(i, so_far)
            exits[index[leaves]] = i
            ms[index[leaves]] = (time.perf_counter() - started) * 1e3
            answers.append((index[leaves], logits[leaves]))
            if leaves.all():
                break
            if leaves.any():
                stay = ~leaves
                index, so_far = index[stay], [logits_of_exit[stay] for logits_of_exit in so_far]
                if self._reads_image[i + 1]:
                    x = images = images[stay]
                else:
                    x, images = x[stay], images[stay] if any(self._reads_image[i + 1 :]) else images
        logits = np.empty((count, answers[0][1].shape[1]), np.float32)
        for rows, values in answers:
            logits[rows] = values
        return BatchAnswer(exits, logits, ms)

    def all_logits(self, batches: Iterable[Inputs]) -> NDArray[np.float32]:
        """Return the logits of every exit, ``(images, exits, classes)``; no image leaves early."""
        return np.concatenate([np.stack(self._every_exit(x), axis=1) for x in batches])

    def inputs_of(self, segment: int, images: Inputs) -> dict[str, NDArray[Any]]:
        """Return what a segment is fed with for images ``(N, c, r, r)``."""
        x, so_far = images, list[Logits]()
        for i in range(segment):
            x, logits = self._call(i, x, images, so_far)
            so_far.append(logits)
        return self._feed(segment, x, images, so_far)

    def _every_exit(self, images: Inputs) -> list[Logits]:
        x, so_far = images, list[Logits]()
        for i in range(len(self.sessions)):
            x, logits = self._call(i, x, images, so_far)
            so_far.append(logits)
        return so_far

    def _call(
        self, i: int, x: NDArray[Any], images: Inputs, so_far: Sequence[Logits]
    ) -> tuple[NDArray[Any], Logits]:
        """Return what the segment hands on (what it got, where nobody reads it) and its logits."""
        has_features = FEATURES in self._outputs[i]
        names = [FEATURES, LOGITS] if has_features else [LOGITS]
        outputs = self.sessions[i].run(names, self._feed(i, x, images, so_far))
        return (outputs[0] if has_features else x), outputs[-1]

    def _feed(
        self, i: int, x: NDArray[Any], images: Inputs, so_far: Sequence[Logits]
    ) -> dict[str, NDArray[Any]]:
        feed: dict[str, NDArray[Any]] = {IMAGE: images} if self._reads_image[i] else {INPUT: x}
        if self._takes_earlier[i]:
            feed[EARLIER] = so_far[-1]
        return feed


class Stopper:
    """Answers single images under a policy.

    For policies that look at one exit at a time nothing is kept between the exits.
    """

    def __init__(self, run: Callable[[Inputs, Leave], Answer], policy: ExitPolicy) -> None:
        """Wrap ``Runner.run`` and a policy."""
        self._run = run
        self._decide = online(policy)
        self._single = online_single(policy)

    def __call__(self, image: Inputs) -> Answer:
        """Return the answer for one image ``(1, c, r, r)``."""
        if self._single is not None:
            return self._run(image, self._single)
        so_far: list[Logits] = []

        def leaves(exit_index: int, logits: Logits) -> bool:
            so_far.append(logits.copy())  # the runtime writes the next answer over its own
            return bool(self._decide(exit_index, so_far)[0])

        return self._run(image, leaves)
