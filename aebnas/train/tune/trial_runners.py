"""Trials run by Ray Tune in a process of its own.

A crash there does not end this process, and what it prints does not reach the terminal.  A Ray that sends
nothing for ``ANSWER_SECONDS`` counts as gone; trials that had ended are kept.

Must not import ray.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aebnas.config.schema import WorkersConfig
from aebnas.errors import WorkerError
from aebnas.search.workers.cluster.aside import Aside, GoneError
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.search.workers.resources import worker_count, worker_gpus
from aebnas.train.full.events import FinalListener, TrialEnded, TuningBegan
from aebnas.train.tune.trials import Parameters, Report
from aebnas.train.tune.tuning_record import Tried

BEGIN_SECONDS, ANSWER_SECONDS = 180.0, 30.0
"""For Ray to start, and between two signs of life."""


def keep_nothing(tried: Tried) -> None:
    """Do nothing with a trial that ended."""


@dataclass(frozen=True)
class TrialRequest:
    """What a runner of trials needs."""

    parameters: Parameters
    trials: int
    epochs: int
    """Of a trial that is not ended early."""
    seed: int
    run: Callable[[dict[str, Any], Report], None]
    """One trial, from its settings; can be sent to another process."""
    uses_gpu: bool = False
    finished: tuple[Tried, ...] = ()
    """Trials that an earlier session finished: of ``trials``, those that are not to be run again."""
    keep: Callable[[Tried], None] = keep_nothing
    """Called with every trial that ends, before any listener; the next session gets these as ``finished``."""

    @property
    def left(self) -> int:
        """Return how many trials are to be run."""
        return self.trials - len(self.finished)


TrialRunner = Callable[[TrialRequest, FinalListener], list[TrialEnded]]
"""Runs the trials that are left and returns how each ended, numbered behind those that had finished."""


@dataclass(frozen=True)
class TrialResources:
    """The share of this machine that the trials may use."""

    workers: WorkersConfig
    at_once: int
    gpus: float
    """Of one trial."""


@dataclass(frozen=True)
class Began:
    """Ray has started."""


@dataclass(frozen=True)
class Alive:
    """Ray still answers."""


@dataclass(frozen=True)
class Done:
    """All trials ended, or broke."""

    error: str | None
    """Of one that broke."""


def run_trials_aside(request: TrialRequest, listener: FinalListener) -> list[TrialEnded]:
    """Run all trials, as many at once as there are cores or GPUs.

    Raises:
        WorkerError: Ray does not start, or every trial broke.
        ClusterLostError: Ray is gone; says what is kept.
    """
    workers = WorkersConfig(gpus_per_worker="auto" if request.uses_gpu else 0)
    gpus = worker_gpus(workers)
    resources = TrialResources(workers, worker_count(workers, gpus), gpus)
    aside = Aside("aebnas.train.tune.ray_tuning", "tune_aside")
    ended: list[TrialEnded] = []
    try:
        aside.send((replace(request, keep=keep_nothing), resources))  # what keeps trials stays here
        _follow(aside, request, resources, ended, listener)
    except (GoneError, ClusterLostError) as error:
        kept = len(request.finished) + len(ended)
        text = f"Ray is gone ({error}). {kept} of {request.trials} trials are kept; the same command goes on"
        raise ClusterLostError(text) from error
    finally:
        aside.close()
    return ended


def _follow(
    aside: Aside,
    request: TrialRequest,
    resources: TrialResources,
    ended: list[TrialEnded],
    listener: FinalListener,
) -> None:
    """Receive what the process sends until all trials ended."""
    seconds = BEGIN_SECONDS
    while True:
        match aside.receive(seconds):
            case Began():
                seconds = ANSWER_SECONDS
                listener(TuningBegan(request.trials, resources.at_once, len(request.finished)))
            case Tried() as tried:
                request.keep(tried)
                number = len(request.finished) + len(ended) + 1
                ended.append(TrialEnded(number, request.trials, tried.settings, tried.accuracy, tried.epochs))
                listener(ended[-1])
            case Done(error):
                if not ended:
                    why = error or "Ray does not say why"
                    raise WorkerError(f"none of {request.left} trials ended: {why}")
                return
