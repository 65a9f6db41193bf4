"""Times of single images, all candidates by turns: a machine's level drifts, their ratio does not.

Must not import torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.segments import Inputs

Run = Callable[[Inputs], Any]
CHUNK = 32
"""Images that one candidate answers before the next has its turn: caches find themselves as in a stream."""
WARM_UP = 3
ROUNDS = 3


def rounds_ns(runs: Sequence[Run], images: Inputs, rounds: int) -> NDArray[np.int64]:
    """Return the nanoseconds of every call, ``(runs, rounds, images)``.

    In each round the candidates answer the images chunk by chunk, A B A B; each round begins with
    another one.

    Args:
        runs: What answers one image ``(1, c, r, r)``.
        images: Prepared, ``(n, c, r, r)``.
        rounds: At least 1.
    """
    singles = [np.ascontiguousarray(images[i : i + 1]) for i in range(len(images))]
    spent = np.empty((len(runs), rounds, len(singles)), np.int64)
    clock = time.perf_counter_ns
    for round_ in range(rounds):
        for start in range(0, len(singles), CHUNK):
            for j in np.roll(np.arange(len(runs)), round_):
                run, row = runs[j], spent[j, round_]
                for x in singles[start : start + WARM_UP]:
                    run(x)
                for i in range(start, min(start + CHUNK, len(singles))):
                    begun = clock()
                    run(singles[i])
                    row[i] = clock() - begun
    return spent


def milliseconds(runs: Sequence[Run], images: Inputs) -> list[float]:
    """Return the mean time of one image of each candidate: the median over rounds."""
    spent = rounds_ns(runs, images, ROUNDS)
    return [float(ms) for ms in np.median(spent.mean(axis=2), axis=1) / 1e6]
