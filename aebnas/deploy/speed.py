"""Times of single images, all networks by turns: a machine's level drifts, their ratio does not.

Must not import torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.segments import Inputs

CHUNK = 32
"""Images that one network answers before the next has its turn: caches are those of a stream of images."""
WARM_UP = 3
"""Answers before a chunk that are not timed."""
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class TimedNetwork:
    """What answers images, and its prepared inputs."""

    run: Callable[[Inputs], Any]
    """Answers one image ``(1, c, r, r)``."""
    inputs: Inputs
    """``(n, c, r, r)``; ``n`` is the same for all networks."""


def rounds_ns(
    timed: Sequence[TimedNetwork], rounds: int, between: Callable[[], object] = lambda: None
) -> NDArray[np.int64]:
    """Return the nanoseconds of every call, ``(timed, rounds, images)``.

    In each round the networks answer the images chunk by chunk, A B A B; each round begins with
    another one.

    Args:
        timed: At least one.
        rounds: At least 1.
        between: Called before each round.
    """
    singles = [[np.ascontiguousarray(x[np.newaxis]) for x in network.inputs] for network in timed]
    count = len(singles[0])
    spent = np.empty((len(timed), rounds, count), np.int64)
    for round_ in range(rounds):
        between()
        for start in range(0, count, CHUNK):
            for j in np.roll(np.arange(len(timed)), round_).tolist():
                chunk = singles[j][start : start + CHUNK]
                spent[j, round_, start : start + CHUNK] = _chunk_ns(timed[j].run, chunk)
    return spent


def mean_ms(spent_ns: NDArray[np.int64]) -> list[float]:
    """Return the mean time of an image for each network: of each image's median over the rounds.

    Other processes that interrupt a call now and then leave no trace here; ``rounds_ns`` has them.
    """
    means: list[float] = (np.median(spent_ns, axis=1).mean(axis=1) / 1e6).tolist()
    return means


def _chunk_ns(run: Callable[[Inputs], Any], images: Sequence[Inputs]) -> list[int]:
    clock = time.perf_counter_ns
    spent = []
    for x in images[:WARM_UP]:
        run(x)
    for x in images:
        begun = clock()
        run(x)
        spent.append(clock() - begun)
    return spent
