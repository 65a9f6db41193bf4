"""Trials on Ray Tune: Optuna proposes, ASHA ends the hopeless ones; the only import of Ray in this room.

Which trials are ended depends on who is how far at what time: tuning is not exactly repeatable.  Trials of
an earlier sitting are told to both as if they had just ended.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

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
from aebnas.final.tuning_record import Tried
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
        listener(TuningBegan(asked.trials, count, len(asked.known)))
        for name in ("ray.tune", "ray.train", "ray.air"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with tempfile.TemporaryDirectory(prefix="aebnas-tune-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _tuner(asked, count, gpus, folder, watch).fit()
    finally:
        stop_ray()
    if not watch.ended:
        raise WorkerError(f"none of {_left(asked)} trials ended: {watch.error or 'Ray does not say why'}")
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
            num_samples=_left(asked),
            max_concurrent_trials=count,
            search_alg=OptunaSearch(
                # the first draws of a seed are always the same: those that were tried would be tried again
                seed=(asked.seed + len(asked.known)) % 2**32,
                points_to_evaluate=[dict(one.settings) for one in asked.known] or None,
                evaluated_rewards=[one.accuracy for one in asked.known] or None,
            ),
            scheduler=scheduler_of(asked),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[watch]),
    )


def scheduler_of(asked: Asked) -> ASHAScheduler:
    """Return the ASHA of a tuning, which knows how the earlier trials went."""
    scheduler = _InformedAsha(
        time_attr="epoch",
        max_t=asked.epochs,
        # not before a third of the epochs: until its peak, the learning rate itself is what differs
        grace_period=max(1, asked.epochs // REDUCTION),
        reduction_factor=REDUCTION,
    )
    scheduler.known = asked.known
    return scheduler


def _left(asked: Asked) -> int:
    return asked.trials - len(asked.known)


def _domain(one: Range) -> Any:
    return tune.loguniform(one.low, one.high) if one.is_logarithmic else tune.uniform(one.low, one.high)


class _InformedAsha(ASHAScheduler):
    """ASHA whose rungs hold the reports of earlier trials: else each sitting would let its first go on."""

    known: Sequence[Tried] = ()

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Learn what is compared, then hear the earlier trials out."""
        is_set = bool(super().set_search_properties(metric, mode, **spec))
        for number, tried in enumerate(self.known):
            # of a trial ASHA wants the name, of its controller nothing
            trial, nobody = cast(Any, SimpleNamespace(trial_id=f"known-{number}")), cast(Any, None)
            self.on_trial_add(nobody, trial)
            for epoch, accuracy in tried.reports:
                self.on_trial_result(nobody, trial, {"epoch": epoch, "accuracy": accuracy})
            self.on_trial_complete(nobody, trial, {"epoch": tried.epochs, "accuracy": tried.accuracy})
        return is_set


class _Watch(Callback):
    """Hears of every trial that ends."""

    def __init__(self, asked: Asked, listener: FinalListener) -> None:
        self._asked = asked
        self._listener = listener
        self.ended: list[TrialEnded] = []
        self.error: str | None = None
        self._reports: dict[str, dict[int, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Tune writes its callbacks down, and a view cannot be."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Any, **info: Any
    ) -> None:
        if "accuracy" in result:
            reports = self._reports.setdefault(trial.trial_id, {})
            reports[int(result["epoch"])] = float(result["accuracy"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        result = trial.last_result
        if "accuracy" not in result:
            return
        settings, accuracy, epoch = dict(trial.config), float(result["accuracy"]), int(result["epoch"])
        reports = tuple(sorted(self._reports.pop(trial.trial_id, {}).items()))
        self._asked.keep(Tried(settings=settings, accuracy=accuracy, epochs=epoch, reports=reports))
        number = len(self._asked.known) + len(self.ended) + 1
        one = TrialEnded(number, self._asked.trials, settings, accuracy, epoch)
        self.ended.append(one)
        self._listener(one)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.error = str(trial.error_file or trial.status)
