"""``aebnas train --tune N``: hyperparameters of one network, tried on train and scored on select.

The best settings lie in ``tuned.yaml``; the same command reads them again.  A tuning that was
interrupted begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from aebnas.config.choices import Frozen, Items
from aebnas.config.model_file import read_model
from aebnas.config.training_schema import TrainingConfig
from aebnas.config.yaml_text import yaml_text
from aebnas.errors import TrainingError
from aebnas.final.events import FinalListener, TrialEnded, Tuned, ignore
from aebnas.final.files import writing
from aebnas.final.images import tuning_images
from aebnas.final.plan import Plan, Task
from aebnas.final.trials import FAILED, Parameters, Report, parameters_of, run_trial, with_settings
from aebnas.search.store import write_atomically

FILE = "tuned.yaml"
FORMAT = 1


@dataclass(frozen=True)
class Asked:
    """What a runner of trials needs."""

    parameters: Parameters
    trials: int
    epochs: int
    """Of a trial that is not ended early."""
    seed: int
    run: Callable[[dict[str, Any], Report], None]
    """One trial, from its settings; can be sent to another process."""
    uses_gpu: bool = False


Runner = Callable[[Asked, FinalListener], list[TrialEnded]]
"""Runs all trials and returns how each ended."""


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
    best: dict[str, Any]
    """Those that scored best."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Mean over the exits, on select, by training on train alone."""
    trials: Annotated[Items[Trial], Field(min_length=1)]
    """All, the best first."""


def tuned_plan(
    task: Task,
    plan: Plan,
    trials: int,
    listener: FinalListener = ignore,
    again: bool = False,
    runner: Runner | None = None,
) -> Plan:
    """Return a plan with the best hyperparameters for a network.

    Args:
        task: The network; ``tuned.yaml`` goes into its folder.
        plan: Settings to search around.
        trials: How many.
        listener: Told how trials end.
        again: Forget an earlier tuning.
        runner: Who runs the trials; default: Ray Tune with Optuna's search and ASHA.

    Raises:
        ConfigError: ``tuned.yaml`` is damaged.
        DataError, RunError: The data have changed, or the folder cannot be written.
        TrainingError: Every trial diverged.
        WorkerError: Ray does not start.
    """
    path = task.folder / FILE
    known = None if again or not path.is_file() else read_model(path, TunedFile, "no result of a tuning")
    was_known = known is not None and _is_of(known, task, plan, trials)
    if known is None or not was_known:
        known = _tuned(task, plan, trials, listener, runner)
        text = yaml_text(known.model_dump(mode="json"))
        with writing(task.folder):
            task.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
    listener(Tuned(path, known.best, known.accuracy, was_known))
    return with_settings(plan, known.best)


def _tuned(task: Task, plan: Plan, trials: int, listener: FinalListener, runner: Runner | None) -> TunedFile:
    if runner is None:
        from aebnas.final import ray_tuning  # importing Ray takes a second

        runner = ray_tuning.run_trials
    training = plan.settings.training
    images = tuning_images(plan.subject.data, plan.images.fingerprint)
    tried = replace(plan, images=images)
    alone = replace(task, teacher=None)
    asked = Asked(
        parameters=parameters_of(training, len(task.architecture.exits) + 1),
        trials=trials,
        epochs=training.epochs,
        seed=task.seed(plan),
        run=lambda settings, report: run_trial(alone, tried, settings, report),
        uses_gpu=plan.device != "cpu",
    )
    # of equal scores, the one that was given more epochs: it was not ended early
    ended = sorted(runner(asked, listener), key=lambda one: (-one.accuracy, -one.epochs, one.number))
    if not ended or ended[0].accuracy <= FAILED:
        raise TrainingError(f"none of {trials} trials learned anything: lower training.learning_rate")
    return TunedFile(
        format=FORMAT,
        key=task.architecture.key(),
        data_fingerprint=plan.images.fingerprint,
        base=training,
        best=dict(ended[0].settings),
        accuracy=ended[0].accuracy,
        trials=tuple(
            Trial(settings=dict(one.settings), accuracy=one.accuracy, epochs=one.epochs) for one in ended
        ),
    )


def _is_of(known: TunedFile, task: Task, plan: Plan, trials: int) -> bool:
    """Return whether a file answers the same question."""
    return (
        known.key == task.architecture.key()
        and known.data_fingerprint == plan.images.fingerprint
        and known.base == plan.settings.training
        and len(known.trials) == trials
    )
