"""What the cells of a run's database say: evaluations, summaries of generations, metadata, scores.

Each function reads one cell; what is not of its shape, contradicts itself or does not fit the run
is refused with its place.  Must not import torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aebnas.config import SearchFile
from aebnas.errors import AebnasError, CodeError
from aebnas.evaluation.record import Evaluation, ExitRecord
from aebnas.exits.core.arrays import check_reach_cost
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.extensions.loading import users_error
from aebnas.runs.store.arrays import unpack_record
from aebnas.runs.store.cells import Cell
from aebnas.runs.store.stored_schema import EVALUATION, METADATA, SUMMARY

RATE_TOLERANCE = 1e-6
"""How far the exit rates of a point may sum from 1."""


def evaluation_in(cell: Cell, key: str, config: SearchFile) -> Evaluation:
    """Return the evaluation of a candidate.

    Args:
        cell: Of ``evaluation``.
        key: The candidate's.
        config: Of the run: what every evaluation must tell.

    Raises:
        RunError: The cell holds none, one that contradicts itself, or another candidate's.
        CodeError: A policy is of code that is allowed, and missing or wrong.
    """
    plain = cell.json()
    cell.checked(EVALUATION, plain)
    try:
        evaluation = Evaluation.from_dict(plain)
        why = _contradiction(evaluation, key) or _lack(evaluation, config)
    except CodeError:
        raise
    except (AebnasError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        user_error = users_error(error)  # of a policy that cannot read what it wrote: the row is sound
        if user_error is not None:
            raise user_error from error
        raise cell.damaged(f"no evaluation ({type(error).__name__}: {error})") from error
    if why:
        raise cell.damaged(why)
    return evaluation


def _contradiction(evaluation: Evaluation, key: str) -> str | None:
    """Return what in an evaluation does not fit the rest of it.

    Raises:
        AebnasError: The costs of its exits are none.
    """
    if evaluation.key != key:
        return f"its architecture has the key {evaluation.key}, not {key}"
    exits = len(evaluation.architecture.exit_names) + 1
    check_reach_cost(evaluation.reach_macs)
    of_exits = {"reach_macs": evaluation.reach_macs, **evaluation.reach_costs}
    of_exits |= {f"cut_short_costs[{name}]": costs for name, costs in evaluation.cut_short_costs.items()}
    for name, reach in of_exits.items():
        if len(reach) != exits:
            return f"{name} has {len(reach)} values, but the network has {exits} exits"
    if evaluation.cost_metric not in ("macs", *evaluation.reach_costs):
        return f"cost_metric {evaluation.cost_metric!r} is none of its costs"
    if evaluation.curve is None:
        return "the candidate is done, but has no curve" if evaluation.is_done else None
    return _curve_contradiction(evaluation.curve, exits)


def _curve_contradiction(curve: OperatingCurve, exits: int) -> str | None:
    if len(curve.reach_cost) != exits:
        return f"its curve has {len(curve.reach_cost)} exits, but the network has {exits}"
    shares = (curve.calibrate_accuracy, curve.select_accuracy, curve.exit_rates, curve.exit_accuracy)
    if not all(((share >= 0) & (share <= 1)).all() for share in shares):
        return "its curve has accuracies or exit rates that are not between 0 and 1"
    if np.abs(curve.exit_rates.sum(axis=1) - 1).max() > RATE_TOLERANCE:
        return "its curve has exit rates that do not sum to 1"
    if not (np.isfinite(curve.calibrate_cost).all() and np.isfinite(curve.select_cost).all()):
        return "its curve has costs that are no numbers"
    if not all(np.isfinite(values).all() for values in curve.measured.values()):
        return "its curve has metrics that are no numbers"
    if not all(isinstance(name, str) for name in curve.settings):
        return "its curve has settings that are no names"
    return None


def _lack(evaluation: Evaluation, config: SearchFile) -> str | None:
    """Return what the search reads of a finished candidate, and this one does not tell."""
    if not evaluation.is_done:
        return None
    for setting in config.settings:
        metrics = evaluation.metrics(1.0, setting)
        missing = [name for name in (*config.objectives, *config.constraints) if name not in metrics]
        if missing:
            return f"it does not tell {missing[0]}"
    if config.exits.target is not None and evaluation.target_check is None:
        return "it does not tell whether the target of exits is met"
    return None


def summary_in(cell: Cell, number: int, config: SearchFile) -> dict[str, Any]:
    """Return the summary of a generation.

    Args:
        cell: Of ``summary``.
        number: Of the generation.
        config: Of the run.

    Raises:
        RunError: The cell holds none, that of another one, or of another search.
    """
    plain: dict[str, Any] = cell.json()
    cell.checked(SUMMARY, plain)
    if plain["number"] != number:
        raise cell.damaged(f"it is of generation {plain['number']}, not {number}")
    if len(plain["reference"]) != len(config.objectives):
        raise cell.damaged(f"reference needs {len(config.objectives)} values, one per objective")
    for key, budget_fraction, *setting in plain["front"]:
        offered = (*config.budget_fractions, *config.search.budget_fractions)
        if budget_fraction not in offered or (*setting, "")[0] not in config.settings:
            choice = " ".join(map(str, (budget_fraction, *setting)))
            raise cell.damaged(f"front: {key} stands at {choice}, which is no choice of the run's file")
    return plain


def metadata_in(cell: Cell, name: str) -> Any:
    """Return a fact about the run.

    Raises:
        RunError: The cell holds no such metadata.
    """
    plain = cell.json()
    if name in METADATA:
        cell.checked(METADATA[name], plain)
    return plain


def record_in(cell: Cell, exits: int, images: int | None = None) -> ExitRecord:
    """Return what every exit of a candidate said on one split.

    Args:
        cell: Of ``calibrate`` or ``select``.
        exits: Number of the candidate's exits.
        images: Of the split; None: unknown.

    Raises:
        RunError: The cell holds no such arrays.
    """
    blob = cell.blob()
    try:
        record = unpack_record(blob)
    except Exception as error:  # what damaged bytes raise in zip, zlib and numpy has no common class
        raise cell.damaged(f"no scores ({type(error).__name__}: {error})") from error
    why = _record_fault(record, exits, images)
    if why:
        raise cell.damaged(why)
    return record


def _record_fault(record: ExitRecord, exits: int, images: int | None) -> str | None:
    answers = record.predictions
    if answers.ndim != 2 or answers.dtype.kind not in "iu" or not answers.size:
        return f"predictions are {answers.dtype} of shape {answers.shape}, expected whole numbers (n, exits)"
    if answers.shape[1] != exits:
        return f"predictions are of {answers.shape[1]} exits, but the network has {exits}"
    if images is not None and len(answers) != images:
        return f"predictions are of {len(answers)} images, but labels.npz has {images}"
    for name, scores in record.scores.items():
        if scores.shape != answers.shape or scores.dtype != np.float32 or not np.isfinite(scores).all():
            shape = f"{scores.dtype} of shape {scores.shape}"
            return f"scores {name!r} are {shape}, expected numbers in float32 of shape {answers.shape}"
    return None
