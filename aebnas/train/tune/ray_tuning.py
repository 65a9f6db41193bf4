"""Trials on Ray Tune: Optuna proposes, ASHA ends the hopeless ones; the only import of Ray in this room.

It runs in the process aside that ``trial_runners.py`` starts.

Which trials are ended depends on who is how far at what time: tuning is not exactly repeatable.  Trials of
an earlier session are told to both as if they had just ended.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any, cast

import optuna
from ray import tune
from ray.tune import Callback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from aebnas.errors import AebnasError
from aebnas.search.workers.cluster.aside import outlive_nobody, receive, send
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.search.workers.cluster.session import nodes_up, start_ray, stop_ray
from aebnas.train.tune.trial_runners import Alive, Began, Done, TrialRequest, TrialResources
from aebnas.train.tune.trials import Range
from aebnas.train.tune.tuning_record import Tried

BREATH_SECONDS = 3.0
"""Between two signs of life."""
STOP_SECONDS = 8.0
"""For Ray to stop in order, once nobody waits any more."""
NODE_DIED = "its node on this machine has died"
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


def tune_aside(pipe: Connection) -> None:
    """Run the trials that a request from the pipe asks for, and send how each ends; a process of its own."""
    request, resources = receive(pipe)
    mouth = _Mouth(pipe)
    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    try:
        mouth.say(Done(_run(request, resources, mouth)))
    except AebnasError as error:
        mouth.say(error)
    except Exception:
        mouth.say(RuntimeError(traceback.format_exc()))
    stop_ray()
    outlive_nobody()


class _Mouth:
    """Writes to the parent, from any thread."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def say(self, message: Any) -> None:
        with self._lock:
            send(self._pipe, message)

    def breathe(self) -> None:
        """Send a sign of life as long as Ray answers."""
        while nodes_up():
            self.say(Alive())
            time.sleep(BREATH_SECONDS)
        self.say(ClusterLostError(NODE_DIED))


def _end_with_parent(pipe: Connection) -> None:
    """Wait until the parent closes the pipe or is gone, then end, even if Ray hangs."""
    with contextlib.suppress(OSError, EOFError):
        receive(pipe)
    timer = threading.Timer(STOP_SECONDS, outlive_nobody)
    timer.daemon = True
    timer.start()
    stop_ray()
    outlive_nobody()


def _run(request: TrialRequest, resources: TrialResources, mouth: _Mouth) -> str | None:
    """Run all trials; return the error of one that broke, if any."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    start_ray(resources.workers, resources.at_once, resources.gpus, 0)
    mouth.say(Began())
    threading.Thread(target=mouth.breathe, daemon=True).start()
    watch = _Watch(mouth.say)
    with tempfile.TemporaryDirectory(prefix="aebnas-tune-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _tuner(request, resources, folder, watch).fit()
    if not nodes_up():  # else trials that broke with it would be taken for bad ones
        raise ClusterLostError(NODE_DIED)
    return watch.error


def _tuner(request: TrialRequest, resources: TrialResources, folder: str, watch: _Watch) -> tune.Tuner:
    def trainable(settings: dict[str, Any]) -> None:
        request.run(settings, lambda epoch, accuracy: tune.report({"epoch": epoch, "accuracy": accuracy}))

    space = {
        name: _domain(values) if isinstance(values, Range) else tune.choice(list(values.values))
        for name, values in request.parameters.items()
    }
    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1, "gpu": resources.gpus}),
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=request.left,
            max_concurrent_trials=resources.at_once,
            search_alg=OptunaSearch(
                # the first draws of a seed are always the same: those that were tried would be tried again
                seed=(request.seed + len(request.finished)) % 2**32,
                points_to_evaluate=[dict(trial.settings) for trial in request.finished] or None,
                evaluated_rewards=[trial.accuracy for trial in request.finished] or None,
            ),
            scheduler=scheduler_of(request),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[watch]),
    )


def scheduler_of(request: TrialRequest) -> ASHAScheduler:
    """Return the ASHA scheduler of a tuning, with the reports of earlier trials."""
    scheduler = _InformedAsha(
        time_attr="epoch",
        max_t=request.epochs,
        # not before a third of the epochs: until its peak, the learning rate itself is what differs
        grace_period=max(1, request.epochs // REDUCTION),
        reduction_factor=REDUCTION,
    )
    scheduler.finished = request.finished
    return scheduler


def _domain(values: Range) -> Any:
    return (
        tune.loguniform(values.low, values.high)
        if values.is_logarithmic
        else tune.uniform(values.low, values.high)
    )


class _InformedAsha(ASHAScheduler):
    """ASHA whose rungs hold the reports of earlier trials: else each session would let its first go on."""

    finished: Sequence[Tried] = ()

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Set the compared metric, then add the reports of the earlier trials."""
        is_set = bool(super().set_search_properties(metric, mode, **spec))
        for number, tried in enumerate(self.finished):
            # of a trial ASHA wants the name, of its controller nothing
            trial, nobody = cast(Any, SimpleNamespace(trial_id=f"known-{number}")), cast(Any, None)
            self.on_trial_add(nobody, trial)
            for epoch, accuracy in tried.reports:
                self.on_trial_result(nobody, trial, {"epoch": epoch, "accuracy": accuracy})
            self.on_trial_complete(nobody, trial, {"epoch": tried.epochs, "accuracy": tried.accuracy})
        return is_set


class _Watch(Callback):
    """Sends every trial that ends."""

    def __init__(self, on_trial: Callable[[Tried], None]) -> None:
        self._on_trial = on_trial
        self.error: str | None = None
        self._reports: dict[str, dict[int, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state: Tune pickles its callbacks, and a pipe cannot be pickled."""
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
        self._on_trial(Tried(settings=settings, accuracy=accuracy, epochs=epoch, reports=reports))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.error = str(trial.error_file or trial.status)
