"""``aebnas train --tune N``: hyperparameters of one network, tried on train and scored on select.

The best settings lie in ``tuned.yaml``; the same command reads them again.  A tuning that was
interrupted goes on behind the trials that had ended (``tuning_record.py``).
"""

from __future__ import annotations

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
from aebnas.train.tune.trial_runners import Runner, TrialRequest, run_trials_aside
from aebnas.train.tune.trials import FAILED, parameters_of, run_trial, with_settings
from aebnas.train.tune.tuning_record import Question, TuningRecord, forget_tuning

FILE = "tuned.yaml"
FORMAT = 1


class Trial(Frozen):
    """One try."""

    settings: dict[str, Any]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    epochs: Annotated[int, Field(ge=0)]


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
    """Those that scored best."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Mean over the exits, on select, by training on train alone."""
    trials: Annotated[Items[Trial], Field(min_length=1)]
    """All, the best first."""


def tuned_plan(
    job: TrainingJob,
    plan: Plan,
    trials: int,
    listener: FinalListener = ignore,
    again: bool = False,
    runner: Runner | None = None,
) -> Plan:
    """Return a plan with the best hyperparameters for a network.

    Args:
        job: The network; ``tuned.yaml`` goes into its folder.
        plan: Settings to search around.
        trials: How many.
        listener: Told how trials end.
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
        tuned, was_known = _known_or_tuned(job, plan, trials, listener, again, runner)
    listener(Tuned(job.folder / FILE, tuned.best, tuned.accuracy, was_known))
    return with_settings(plan, tuned.best)


def _known_or_tuned(
    job: TrainingJob, plan: Plan, trials: int, listener: FinalListener, again: bool, runner: Runner | None
) -> tuple[TunedFile, bool]:
    """Return the answer, and whether it was there already."""
    path = job.folder / FILE
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
    job: TrainingJob, plan: Plan, trials: int, listener: FinalListener, runner: Runner | None
) -> TunedFile:
    if runner is None:
        runner = run_trials_aside
    training = plan.settings.training
    images = tuning_images(plan.selected.data, plan.images.fingerprint)
    selecting = replace(plan, images=images)
    alone = replace(job, teacher=None)
    question = Question(
        key=job.architecture.key(),
        data_fingerprint=plan.images.fingerprint,
        seed=job.seed(plan),
        base=training,
        supernet=job.supernet,
    )
    record = TuningRecord(job.folder, question)
    finished = record.trials[:trials]
    request = TrialRequest(
        parameters=parameters_of(training, len(job.architecture.exit_names) + 1),
        trials=trials,
        epochs=training.epochs,
        seed=job.seed(plan),
        run=Permitted.of(partial(run_trial, alone, selecting)),
        uses_gpu=plan.device != "cpu",
        finished=finished,
        keep=record.add,
    )
    tried = [
        TrialEnded(i + 1, trials, dict(trial.settings), trial.accuracy, trial.epochs)
        for i, trial in enumerate(finished)
    ]
    if len(finished) < trials:
        tried += runner(request, listener)
    # of equal scores, the one that was given more epochs: it was not ended early
    ended = sorted(tried, key=lambda trial: (-trial.accuracy, -trial.epochs, trial.number))
    if not ended or ended[0].accuracy <= FAILED:
        raise TrainingError(f"none of {trials} trials learned anything: lower training.learning_rate")
    return TunedFile(
        format=FORMAT,
        key=job.architecture.key(),
        data_fingerprint=plan.images.fingerprint,
        base=training,
        supernet=job.supernet,
        best=dict(ended[0].settings),
        accuracy=ended[0].accuracy,
        trials=tuple(
            Trial(settings=dict(trial.settings), accuracy=trial.accuracy, epochs=trial.epochs)
            for trial in ended
        ),
    )


def _is_of(tuned: TunedFile, job: TrainingJob, plan: Plan, trials: int) -> bool:
    """Return whether a file answers the same question."""
    return (
        tuned.key == job.architecture.key()
        and tuned.data_fingerprint == plan.images.fingerprint
        and tuned.base == plan.settings.training
        and tuned.supernet == job.supernet
        and len(tuned.trials) == trials
    )
