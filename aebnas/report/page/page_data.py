"""What the page's script is given: every run as compact plain data.

The names are read by ``assets/report/data.js``.  Must not import torch.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.config.sections.constraints import full_name
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.threshold_codec import encode_thresholds
from aebnas.report.files.winners import winner_common
from aebnas.report.page.architecture_data import ArchitectureTable
from aebnas.report.page.gene_shares import gene_shares
from aebnas.report.page.latency_check import latency_checks
from aebnas.report.page.packing import kept_points, packed_curve, point_limit, scale_of, short
from aebnas.report.page.reliability import ExitReliability, reliabilities
from aebnas.report.page.static_section import static_data
from aebnas.report.page.surrogate_section import predictions
from aebnas.runs.contents import RunContents, best_first, full_trainings
from aebnas.runs.formatting import further_metrics, metric_heading, metric_name
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.static.gain import StaticComparison
from aebnas.runs.store.store import RunStore
from aebnas.task.metrics.table import EVERYWHERE, metric_of

CURVE_BYTES = 3_500_000
"""Of all packed curves of a page; those of the front are whole beyond it."""
POLICY_CHARACTERS = 600
"""A longer policy, of learned weights say, is carried for points of the front alone."""


def page_data(
    runs: Sequence[RunContents],
    stores: Sequence[RunStore],
    links: Mapping[tuple[str, str], str],
    comparisons: Sequence[StaticComparison | None],
) -> dict[str, Any]:
    """Return the page's data, fit for JSON.

    Args:
        runs: What the page is about.
        stores: Theirs, for the exits' scores and the profiles.
        links: The winner's file relative to the page, by run label and key.
        comparisons: With static networks, one per run.
    """
    metrics = dict.fromkeys(name for run in runs for name in run_metrics(run))
    budget = CURVE_BYTES // max(1, len(runs))
    return {
        "metrics": {name: _words(name) for name in metrics},
        "runs": [
            _run(run, store, links, budget) | {"static": static_data(comparison)}
            for run, store, comparison in zip(runs, stores, comparisons, strict=True)
        ],
    }


def run_metrics(run: RunContents) -> list[str]:
    """Return what a run's points can be drawn over: what every run has, then what this one measured."""
    return [*EVERYWHERE, *further_metrics(run.points[0].metrics if run.points else (), EVERYWHERE)]


def _words(name: str) -> dict[str, Any]:
    """Return what the script must know of a metric."""
    metric = metric_of(name)
    return {
        "name": metric_name(name),
        "title": metric_heading(name),
        "unit": metric.unit,
        "axis": metric.axis or (f" ({metric.unit})" if metric.unit else ""),
        "share": metric.is_share,
        "rises": metric.highest is not None,
    }


def _run(
    run: RunContents, store: RunStore, links: Mapping[tuple[str, str], str], budget: int
) -> dict[str, Any]:
    table = ArchitectureTable()
    unlinked = _candidates(run, store, table, budget)
    candidates = [candidate | {"l": links.get((run.label, candidate["k"]))} for candidate in unlinked]
    return {
        **_settings(run),
        "candidates": candidates,
        "boxes": table.boxes,
        "parts": table.parts,
        **_search_history(run, store),
    }


def _settings(run: RunContents) -> dict[str, Any]:
    """Return what holds for all candidates of a run."""
    config, some = run.config, run.inherited
    return {
        "label": run.label,
        "path": shlex.quote(str(run.path)),
        "cost": full_name(config.cost_metric, config.profiles),
        "metrics": run_metrics(run),
        "objectives": run.objectives,
        "bounds": [
            [full_name(name, config.profiles), bound.min, bound.max]
            for name, bound in config.constraints.items()
        ],
        "images": run.select_images,
        "scale": scale_of(run.select_images),
        "done": len(run.done),
        "trainings": run.plan.are_trainings,
        "others": run.plan.fidelities[0].options.others,
        "uneven": run.plan.is_uneven,
        "finals": bool(run.plan.finals),
        "inherited": run.fidelity(some[0]).word if 0 < len(some) < len(run.done) else None,
        "alone": run.is_front_of_finals,
        "yaml": winner_common(run),
        "score": config.exits.policy_names[0],
    }


def _search_history(run: RunContents, store: RunStore) -> dict[str, Any]:
    """Return how the search went, what its front prefers, and how far its profiles hold."""
    return {
        "generations": [_generation(summary) for summary in run.generations],
        "work": _work(run),
        "genes": [[gene.name, gene.choices, gene.front, gene.everywhere] for gene in gene_shares(run)],
        "latency": [
            [check.profile, check.device, check.mean_error,
             [[short(ms, 4), short(own, 4), exit_, seen] for ms, own, exit_, seen in check.points]]
            for check in latency_checks(run, store)
        ],
        "predictions": predictions(run),
    }  # fmt: skip


def _generation(summary: Mapping[str, Any]) -> list[Any]:
    trainings, hypervolume = full_trainings(summary), short(float(summary["hypervolume"]))
    return [summary["number"], trainings, summary["failed"], hypervolume, len(summary["front"])]


def _candidates(
    run: RunContents, store: RunStore, table: ArchitectureTable, budget: int
) -> list[dict[str, Any]]:
    """Return the best candidates; curves of the front are whole, the others share the rest of the budget."""
    shown = list(best_first(run, run.config.report.max_candidates))
    points: dict[str, list[OperatingPoint]] = {evaluation.key: [] for evaluation in shown}
    for point in run.points:
        if point.key in points:
            points[point.key].append(point)
    on_front, members = {id(point) for point in run.front}, set(run.front_keys)
    groups = ([e for e in shown if e.key in members], [e for e in shown if e.key not in members])
    limit, scale = point_limit(*groups, budget), scale_of(run.select_images)
    confidences, order = (
        reliabilities(store, shown),
        {evaluation.key: i for i, evaluation in enumerate(run.done, 1)},
    )
    return [
        _candidate(
            evaluation,
            points[evaluation.key],
            on_front,
            table,
            scale,
            None if evaluation.key in members else limit,
        )
        | {"t": _policies(points[evaluation.key], on_front, run.config.exits.policy_names[0])}
        | {
            "n": order[evaluation.key],
            "b": _bins(confidences.get(evaluation.key, ())),
            "i": int(not run.fidelity(evaluation).trains),
        }
        for evaluation in shown
    ]


def _candidate(
    evaluation: Evaluation,
    points: Sequence[OperatingPoint],
    on_front: set[int],
    table: ArchitectureTable,
    scale: int,
    limit: int | None,
) -> dict[str, Any]:
    """Return one candidate; names are single letters, as there are a thousand of them."""
    curve = points[0].curve
    kept = kept_points(evaluation, {point.index for point in points}, limit)
    place = {int(index): i for i, index in enumerate(kept)}
    ordered = sorted(points, key=lambda point: point.index)
    return {
        "k": evaluation.key,
        "r": [short(value, 9) for value in evaluation.reach_macs],
        "d": {name: [short(value) for value in reach] for name, reach in evaluation.reach_costs.items()},
        "p": {name: short(value, 9) for name, value in evaluation.sizes().items()},
        "m": {name: [short(float(values[i])) for i in kept] for name, values in curve.measured.items()},
        "x": [short(value) for value in curve.exit_accuracy.tolist()],
        "c": packed_curve(curve, kept, scale),
        "w": len(curve.select_cost),
        "o": [
            [
                point.budget_fraction,
                place[point.index],
                int(id(point) in on_front),
                int(point.is_feasible),
                *([point.setting] if point.setting else []),
            ]
            for point in ordered
        ],
        "a": table.drawn(evaluation.architecture),
        "y": table.described(evaluation.architecture),
        "s": short(evaluation.seconds, 4),
        "h": evaluation.epochs,
        "e": evaluation.seed,
        "v": None if evaluation.target_check is None else str(evaluation.target_check["text"]),
    }


def _policies(points: Sequence[OperatingPoint], on_front: set[int], score: str) -> list[Any]:
    """Return what decides at every point, in the order of ``_candidate``."""
    ordered = sorted(points, key=lambda point: point.index)
    return [_policy(point, score, id(point) in on_front) for point in ordered]


def _policy(point: OperatingPoint, score: str, is_on_front: bool) -> Any:
    """Return exact thresholds on the run's score where these decide, else the policy.

    None for a large one off the front.
    """
    if point.thresholds is not None and point.policy["score"] == score:
        return encode_thresholds(point.thresholds)
    policy: Mapping[str, Any] = point.policy
    return dict(policy) if is_on_front or len(str(policy)) <= POLICY_CHARACTERS else None


def _bins(exits: Sequence[ExitReliability]) -> list[Any]:
    """Return per exit: counts, then confidence and accuracy of the filled bins (‰); both errors."""
    packed = []
    for exit_ in exits:
        bins = exit_.select
        filled = [i for i, number in enumerate(bins.count) if number]
        packed.append([
            list(bins.count),
            [round(bins.confidence[i] * 1000) for i in filled],
            [round(bins.accuracy[i] * 1000) for i in filled],
            short(bins.error, 4),
            short(exit_.calibrate_error, 4),
        ])  # fmt: skip
    return packed


def _work(run: RunContents) -> dict[str, Any] | None:
    workload = run.workload
    if workload is None:
        return None
    return {
        "workers": workload.workers,
        "share": short(workload.share, 4),
        "seconds": short(workload.seconds),
        "busy": [short(value, 3) for value in workload.busy],
    }
