"""One worker against two: the same front, and how long each takes.

    python benchmarks/workers.py [--trainings 24] [--rounds 2]

Alternates 1, 2, 1, 2 workers on mnist5k.yaml; medians of the search's wall-clock time, without
reading the data, Ray's start included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from aebnas.config import load
from aebnas.search.events import Generation
from aebnas.search.session import new_session


def timed(workers: int, trainings: int, folder: Path) -> tuple[float, Generation]:
    """Return the seconds of one search and its last generation."""
    config = load(
        "search_spaces/mnist5k.yaml", [f"workers.count={workers}", f"search.max_trainings={trainings}"]
    )
    with new_session(config, folder) as search:
        started = time.perf_counter()
        last = list(search.run())[-1]
        return time.perf_counter() - started, last


def main() -> None:
    """Print every round and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    times: dict[int, list[float]] = {1: [], 2: []}
    fronts = []
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(arguments.rounds):
            for workers in (1, 2):
                seconds, last = timed(workers, arguments.trainings, Path(folder) / f"{round_}-{workers}")
                times[workers].append(seconds)
                fronts.append((last.front, last.hypervolume))
                print(f"{workers} workers: {seconds:.1f} s, hypervolume {last.hypervolume:.6f}", flush=True)
    same = all(front == fronts[0] for front in fronts)
    ratio = statistics.median(times[2]) / statistics.median(times[1])
    print(f"2 workers take {ratio:.1%} of the time of 1; fronts identical: {same}")


if __name__ == "__main__":
    main()
