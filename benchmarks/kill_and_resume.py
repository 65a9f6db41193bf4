"""Kill the driver again and again, resume after each kill, compare with an uninterrupted run.

    python benchmarks/kill_and_resume.py [--kills 20]

A small search on scikit-learn's digits with one Ray worker.  Each round kills `aebnas` with SIGKILL
at a random moment and resumes: one in four while it starts, the others a random time after a random
number of trainings began, so that kills spread over the run on fast and on busy machines.  The final
front must equal that of an uninterrupted run, and no finished candidate may be trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aebnas.runs.store.store import RunStore

SPACE = """
name: kill
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {width: [8, 12, 16]}
  stages:
    - {depth: [1, 2], width: [8, 12, 16], block: {type: [residual, conv, mbconv]}}
    - {depth: [1, 2], width: [16, 24], stride: 2, block: {type: [residual, mbconv], kernel: [3, 5]}}
  exits: {after: [stage1], branch: {modules: [0, 1, 2], module: {type: [conv, pool], width: [0.5, 1.0]}}}
training: {epochs: 12, batch_size: 32}
search: {population: 8, generations: 9}
workers: {count: 1, gpus_per_worker: 0}
report: {enabled: false}
"""


def aebnas(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the command line in a process group of its own."""
    command = [sys.executable, "-m", "aebnas", *arguments, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(*arguments: str) -> None:
    """Run the command line to its end."""
    process = aebnas(*arguments)
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(errors.decode())


def front(path: Path) -> object:
    """Return the last generation's summary."""
    store = RunStore(path)
    last = store.generations()[-1]
    store.close()
    return last


def trained_again(path: Path) -> list[str]:
    """Return the candidates whose training began after they had been finished."""
    store = RunStore(path)
    finished = dict(store._database.execute("SELECT key, finished_at FROM evaluations").fetchall())
    again = [key for key, at in store.attempts() if key in finished and at > finished[key]]
    store.close()
    return again


def attempts(path: Path) -> int:
    """Return how many trainings have begun."""
    if not (path / "run.sqlite").exists():
        return 0
    store = RunStore(path)
    count = len(store.attempts())
    store.close()
    return count


def wait_for_the_moment(process: subprocess.Popen[bytes], path: Path, chance: random.Random) -> None:
    """Return at a random moment of the run, or when it has ended."""
    if chance.random() < 0.25:
        time.sleep(chance.uniform(0.5, 8.0))
        return
    goal = attempts(path) + chance.randint(1, 6)
    while process.poll() is None and attempts(path) < goal:
        time.sleep(0.1)
    time.sleep(chance.uniform(0.0, 2.0))


def main() -> None:
    """Print what each kill left, and the target check; exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kill.yaml").write_text(SPACE)
        killed = folder / "killed"
        search = ("search", str(folder / "kill.yaml"), "--runs", name, "--name")
        finish(*search, "whole")
        for kill in range(arguments.kills):
            begun = (killed / "run.sqlite").exists()
            process = aebnas("resume", str(killed)) if begun else aebnas(*search, "killed")
            wait_for_the_moment(process, killed, chance)
            is_done = process.poll() is not None
            if not is_done:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            left = RunStore(killed).count() if (killed / "run.sqlite").exists() else 0
            print(
                f"kill {kill + 1}: {left} candidates kept{' (had finished)' if is_done else ''}", flush=True
            )
        finish("resume", str(killed)) if (killed / "run.sqlite").exists() else finish(*search, "killed")
        same, again = front(killed) == front(folder / "whole"), trained_again(killed)
        store = RunStore(killed)
        print(json.dumps({"fronts_equal": same, "trained_again": again, "trainings": store.count(),
                          "attempts": len(store.attempts())}))  # fmt: skip
        store.close()
    sys.exit(0 if same and not again else 1)


if __name__ == "__main__":
    main()
