"""A run as an Optuna study: for optuna-dashboard, and whatever else reads its storages.

    aebnas export-study runs/mnist5k sqlite:///study.db
    optuna-dashboard sqlite:///study.db

One trial per operating point, as the search saw it: genes are its parameters, objectives its
values, constraints its constraints.  A failed candidate is a failed trial.  Must not import torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from aebnas.config.sections.constraints import full_name
from aebnas.errors import RunError
from aebnas.evaluation.record import Evaluation
from aebnas.report.files.study_storage import SQLITE_URL, check_storage, shown, telling
from aebnas.runs.frame import LoadedRun
from aebnas.runs.fronts.individuals import metrics_at, violations_of
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.space.genes import BUDGET_FRACTION, SETTING, plain_choice
from aebnas.task.metrics.table import metric_of

CONSTRAINTS = "constraints"
"""Where Optuna's samplers and the dashboard look for violations (> 0: infeasible)."""


def export_study(run: LoadedRun, storage: str, name: str | None = None) -> int:
    """Write a run into an Optuna storage as a new study, and return its number of trials.

    Args:
        run: As ``aebnas.load_run`` reads it.
        storage: URL, as ``sqlite:///study.db``.
        name: Of the study; default: the run's.

    Raises:
        RunError: The storage cannot be written, keeps nothing, or has a study of that name.
    """
    check_storage(storage, run.contents.path)
    name = name or run.contents.label
    trials = list(_trials(run))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with telling(storage, name):
            _write(run, storage, name, trials)
            # asked anew: a storage of one process would know them still
            kept = len(optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False))
    finally:
        optuna.logging.set_verbosity(before)
    if kept != len(trials):
        raise RunError(f"{shown(storage)} keeps {kept} of {len(trials)} trials. For a file: {SQLITE_URL}")
    return kept


def _write(run: LoadedRun, storage: str, name: str, trials: Sequence[FrozenTrial]) -> None:
    """Write a new study whole, or leave none behind."""
    objectives = list(run.contents.objectives)
    rises = [metric_of(name).highest is not None for name in objectives]
    directions = [StudyDirection.MAXIMIZE if more else StudyDirection.MINIMIZE for more in rises]
    study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(objectives)
        study.set_user_attr("aebnas_run", str(run.contents.path.resolve()))
        study.add_trials(trials)
    except BaseException:
        with suppress(Exception):  # what went wrong first is told
            optuna.delete_study(study_name=name, storage=storage)
        raise


def _trials(run: LoadedRun) -> Iterator[FrozenTrial]:
    for point in run.contents.points:
        extra = {BUDGET_FRACTION: point.budget_fraction} | ({SETTING: point.setting} if point.setting else {})
        yield optuna.create_trial(
            state=TrialState.COMPLETE,
            values=[
                point.metrics[full_name(name, run.contents.config.profiles)]
                for name in run.contents.objectives
            ],
            **_parameters(run, point.evaluation, extra),
            user_attrs=_metadata(point),
            system_attrs={CONSTRAINTS: _violations(run, point)},
        )
    for failure in run.contents.failed:
        yield optuna.create_trial(
            state=TrialState.FAIL,
            **_parameters(run, failure, {}),
            user_attrs={"key": failure.key, "reason": failure.message},
        )


def _parameters(run: LoadedRun, evaluation: Evaluation, extra: Mapping[str, Any]) -> dict[str, Any]:
    values = run.genes(evaluation.architecture) | {
        name: value for name, value in extra.items() if len(run.positions[name].choices) > 1
    }
    distributions = {
        name: CategoricalDistribution(tuple(map(plain_choice, run.positions[name].choices)))
        for name in values
    }
    return {"params": values, "distributions": distributions}


def _metadata(point: OperatingPoint) -> dict[str, Any]:
    return {
        "key": point.key,
        "exit_rates": point.exit_rates,
        "policy": dict(point.policy),
        "seconds": point.evaluation.seconds,
        **{name: float(value) for name, value in point.metrics.items()},
    }


def _violations(run: LoadedRun, point: OperatingPoint) -> list[float]:
    metrics = metrics_at(point.evaluation, point.budget_fraction, point.setting)
    return list(violations_of(metrics, run.contents.goals))
