"""``aebnas train --tune N``: hyperparameters of one network, tried on train and scored on select.

The best settings lie in ``tuned.yaml``; the same command reads them again.  A tuning that was
interrupted goes on behind the trials that had ended (``tuning_record.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from aebnas.config.choices import Frozen, Items
from aebnas.config.model_file import read_model
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import RunError, TrainingError
from aebnas.extensions.consent import Permitted
from aebnas.files.atomic import write_atomically
from aebnas.files.lock import run_lock
from aebnas.files.yaml_text import yaml_text
from aebnas.train.full.events import FinalListener, TrialEnded, Tuned, ignore
from aebnas.train.full.files import writing
from aebnas.train.full.images import tuning_images
from aebnas.train.full.plan import Plan, TrainingJob
from aebnas.train.tune.trial_runners import TrialRequest, TrialRunner, run_trials_aside
from aebnas.train.tune.trials import FAILED, parameters_of, run_trial, with_settings
from aebnas.train.tune.tuning_record import Question, TuningRecord, forget_tuning

TUNED_FILE = "tuned.yaml"
FORMAT = 1


class Trial(Frozen):
    """One training with settings that were tried."""

    settings: dict[str, Any]
    """Fields of the section ``training`` that were tried."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Mean over the exits, on select."""
    epochs: Annotated[int, Field(ge=0)]
    """After which it ended, by itself or early."""


class TunedFile(Frozen):
    """``tuned.yaml``."""

    format: Annotated[int, Field(ge=1, le=FORMAT)]
    """Version of the file."""
    key: str
    """Identity of the architecture."""
    data_fingerprint: str
    """Of the data and splits."""
    base: TrainingConfig
    """Settings around which was searched."""
    supernet: str | None = None
    """Checksum of the supernet whose weights trials began with; null: random ones."""
    best: dict[str, Any]
    """The settings that scored best, by field."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Mean over the exits, on select, by training on train alone."""
    trials: Annotated[Items[Trial], Field(min_length=1)]
    """All trials, the best first."""


def tuned_plan(
    job: TrainingJob,
    plan: Plan,
    trials: int,
    listener: FinalListener = ignore,
    again: bool = False,
    runner: TrialRunner | None = None,
) -> Plan:
    """Return a plan with the best hyperparameters for a network.

    Args:
        job: The network; ``tuned.yaml`` goes into its folder.
        plan: Settings to search around.
        trials: How many settings to try.
        listener: Called when a trial ends.
        again: Forget an earlier tuning.
        runner: Who runs the trials; default: Ray Tune with Optuna's search and ASHA.

    Raises:
        ConfigError: ``tuned.yaml`` is damaged.
        DataError, RunError: The data have changed, ``tuning.json`` is damaged, another process tunes
            here, or the folder cannot be written.
        TrainingError: Every trial diverged.
        WorkerError: Ray does not start, or is gone before the end.
    """
    with writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    with writing(job.folder), run_lock(job.folder):
        tuned, was_known = _read_or_tuned(job, plan, trials, listener, again, runner)
    listener(Tuned(job.folder / TUNED_FILE, tuned.best, tuned.accuracy, was_known))
    return with_settings(plan, tuned.best)


def _read_or_tuned(
    job: TrainingJob,
    plan: Plan,
    trials: int,
    listener: FinalListener,
    again: bool,
    runner: TrialRunner | None,
) -> tuple[TunedFile, bool]:
    """Return the result, and whether an earlier command had written it."""
    path = job.folder / TUNED_FILE
    tuned_before = None
    if path.is_file() and not again:
        tuned_before = read_model(path, TunedFile, "no result of a tuning", RunError)
    if tuned_before is not None and _is_of(tuned_before, job, plan, trials):
        return tuned_before, True
    if again:
        forget_tuning(job.folder)
    tuned = _tuned(job, plan, trials, listener, runner)
    write_atomically(path, yaml_text(tuned.model_dump(mode="json")).encode())
    forget_tuning(job.folder)
    return tuned, False


def _tuned(
    job: TrainingJob, plan: Plan, trials: int, listener: FinalListener, runner: TrialRunner | None
) -> TunedFile:
    record = TuningRecord(job.folder, _question(job, plan))
    request = _request(job, plan, trials, record)
    ended = [
        TrialEnded(i + 1, trials, dict(trial.settings), trial.accuracy, trial.epochs)
        for i, trial in enumerate(request.finished)
    ]
    if request.left:
        ended += (run_trials_aside if runner is None else runner)(request, listener)
    # of equal scores, the one that was given more epochs: it was not ended early
    ranked = sorted(ended, key=lambda trial: (-trial.accuracy, -trial.epochs, trial.number))
    if not ranked or ranked[0].accuracy <= FAILED:
        raise TrainingError(f"none of {trials} trials learned anything: lower training.learning_rate")
    return _file_of(ranked, job, plan)


def _question(job: TrainingJob, plan: Plan) -> Question:
    return Question(
        key=job.architecture.key(),
        data_fingerprint=plan.images.fingerprint,
        seed=job.seed(plan),
        base=plan.settings.training,
        supernet=job.supernet,
    )


def _request(job: TrainingJob, plan: Plan, trials: int, record: TuningRecord) -> TrialRequest:
    """Return the trials to run: on the images of a tuning, and without a teacher."""
    training = plan.settings.training
    tuning = replace(plan, images=tuning_images(plan.selected.data, plan.images.fingerprint))
    return TrialRequest(
        parameters=parameters_of(training, len(job.architecture.exit_names) + 1),
        trials=trials,
        epochs=training.epochs,
        seed=job.seed(plan),
        run=Permitted.of(partial(run_trial, replace(job, teacher=None), tuning)),
        uses_gpu=plan.device != "cpu",
        finished=record.trials[:trials],
        keep=record.add,
    )


def _file_of(ranked: Sequence[TrialEnded], job: TrainingJob, plan: Plan) -> TunedFile:
    """Return the file's content; ``ranked`` has the best trial first."""
    return TunedFile(
        format=FORMAT,
        key=job.architecture.key(),
        data_fingerprint=plan.images.fingerprint,
        base=plan.settings.training,
        supernet=job.supernet,
        best=dict(ranked[0].settings),
        accuracy=ranked[0].accuracy,
        trials=tuple(
            Trial(settings=dict(trial.settings), accuracy=trial.accuracy, epochs=trial.epochs)
            for trial in ranked
        ),
    )


def _is_of(tuned: TunedFile, job: TrainingJob, plan: Plan, trials: int) -> bool:
    """Return whether a file is of this network, these data, these settings and this many trials."""
    return (
        tuned.key == job.architecture.key()
        and tuned.data_fingerprint == plan.images.fingerprint
        and tuned.base == plan.settings.training
        and tuned.supernet == job.supernet
        and len(tuned.trials) == trials
    )
