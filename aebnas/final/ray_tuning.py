"""Trials on Ray Tune: Optuna proposes, ASHA ends the hopeless ones; the only import of Ray in this room.

Which trials are ended depends on who is how far at what time: tuning is not exactly repeatable.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from typing import Any

import optuna
from ray import tune
from ray.tune import Callback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from aebnas.config.schema import WorkersConfig
from aebnas.errors import WorkerError
from aebnas.final.events import FinalListener, TrialEnded, TuningBegan
from aebnas.final.trials import Range
from aebnas.final.tuning import Asked
from aebnas.search.ray_session import start_ray, stop_ray
from aebnas.search.resources import worker_count, worker_gpus

REDUCTION = 3
"""ASHA lets a third go on, after a third of the epochs."""
QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Ctrl-C is ours: Tune would save and return as if all were done
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


def run_trials(asked: Asked, listener: FinalListener) -> list[TrialEnded]:
    """Run all trials, as many at once as there are cores or GPUs.

    Raises:
        WorkerError: Ray does not start, or every trial broke.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    workers = WorkersConfig(gpus_per_worker="auto" if asked.uses_gpu else 0)
    gpus = worker_gpus(workers)
    count = worker_count(workers, gpus)
    watch = _Watch(asked, listener)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        start_ray(workers, count, gpus, 0)
        listener(TuningBegan(asked.trials, count))
        for name in ("ray.tune", "ray.train", "ray.air"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with tempfile.TemporaryDirectory(prefix="aebnas-tune-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _tuner(asked, count, gpus, folder, watch).fit()
    finally:
        stop_ray()
    if not watch.ended:
        raise WorkerError(f"none of {asked.trials} trials ended: {watch.error or 'Ray does not say why'}")
    return watch.ended


def _tuner(asked: Asked, count: int, gpus: float, folder: str, watch: _Watch) -> tune.Tuner:
    def trainable(settings: dict[str, Any]) -> None:
        asked.run(settings, lambda epoch, accuracy: tune.report({"epoch": epoch, "accuracy": accuracy}))

    space = {
        name: _domain(one) if isinstance(one, Range) else tune.choice(list(one.values))
        for name, one in asked.parameters.items()
    }
    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1, "gpu": gpus}),
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=asked.trials,
            max_concurrent_trials=count,
            search_alg=OptunaSearch(seed=asked.seed),
            scheduler=ASHAScheduler(
                time_attr="epoch",
                max_t=asked.epochs,
                # not before a third of the epochs: until its peak, the learning rate itself is what differs
                grace_period=max(1, asked.epochs // REDUCTION),
                reduction_factor=REDUCTION,
            ),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[watch]),
    )


def _domain(one: Range) -> Any:
    return tune.loguniform(one.low, one.high) if one.is_logarithmic else tune.uniform(one.low, one.high)


class _Watch(Callback):
    """Hears of every trial that ends."""

    def __init__(self, asked: Asked, listener: FinalListener) -> None:
        self._asked = asked
        self._listener = listener
        self.ended: list[TrialEnded] = []
        self.error: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Tune writes its callbacks down, and a view cannot be."""
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        result = trial.last_result
        if "accuracy" not in result:
            return
        one = TrialEnded(
            len(self.ended) + 1,
            self._asked.trials,
            dict(trial.config),
            float(result["accuracy"]),
            int(result["epoch"]),
        )
        self.ended.append(one)
        self._listener(one)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.error = str(trial.error_file or trial.status)
