"""Scoring trained candidates again, for other devices: from what their exits said, without training.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from aebnas.config.schema import SearchFile
from aebnas.config.sections.constraints import profile_names
from aebnas.config.sections.exits import ExitsConfig
from aebnas.errors import RunError
from aebnas.evaluation.curves import fitted_curve
from aebnas.evaluation.record import Evaluation, ExitRecord
from aebnas.evaluation.settings import ExitSettings
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.configured import configured_family
from aebnas.exits.policies.families import FAMILIES
from aebnas.hardware.profile.device_costs import DeviceCosts, reach_in
from aebnas.task.metrics.table import metric_of, metrics_of_answers
from aebnas.task.task import Task

Records = Callable[[str, str], tuple[ExitRecord, ExitRecord] | None]
"""What every exit of a candidate said on calibrate and on select, by its key and fidelity."""


def rescored_config(
    config: SearchFile, hardware: Sequence[str], objectives: Sequence[str] | None
) -> SearchFile:
    """Return the configuration of a run for other devices.

    Limits on quantities of the old devices go; all others stay.

    Args:
        config: Of the run.
        hardware: Paths of profiles.
        objectives: Default: error and the latency on the first profile.

    Raises:
        ValidationError: The objectives do not fit the profiles.
        RunError: The run's exit policy looks at logits, or a metric that is asked for; it keeps those of its
            front alone.
    """
    _refuse_logits(config.exits)
    plain = config.model_dump()
    limits = {name: bound for name, bound in plain["constraints"].items() if not metric_of(name).is_of_device}
    asked = tuple(objectives or ("error", f"latency_ms@{profile_names(hardware)[0]}"))
    plain |= {"hardware": tuple(hardware), "constraints": limits, "objectives": asked}
    anew = SearchFile.model_validate(plain)
    wanting = [name for name, metric in metrics_of_answers(anew.measured).items() if metric.needs_logits]
    if wanting:
        raise RunError(
            f"{', '.join(wanting)}: measured on the logits of every candidate, and a run keeps those of its "
            "front alone. Name other objectives; where it is a limit, start a new run for the device: "
            "aebnas search FILE --name NEW"
        )
    return anew


def _refuse_logits(exits: ExitsConfig) -> None:
    families = {policy.name: configured_family(policy) for policy in exits.policy}
    wanting = [name for name, family in families.items() if family.needs_logits]
    if not wanting:
        return
    others = [name for name, make in FAMILIES.items() if not make().needs_logits]
    raise RunError(
        f"exits of policy {', '.join(wanting)} are fitted on the logits of every candidate, and a run "
        f"keeps those of its front alone. From stored scores: {', '.join(others)}. "
        "Start a new run for the device: aebnas search FILE --name NEW"
    )


def rescored(
    exits: ExitSettings,
    evaluations: Iterable[Evaluation],
    records: Records,
    labels: tuple[NDArray[Any], NDArray[Any]],
    devices: DeviceCosts,
    task: Task,
) -> list[Evaluation]:
    """Return every finished candidate with its exits tuned for ``exits.cost_metric``.

    Args:
        exits: Of ``rescored_config``.
        evaluations: Of the run.
        records: Of the run.
        labels: Of calibrate and of select.
        devices: The profiles.
        task: What comes in, and how many answers there are.

    Raises:
        HardwareError: A profile lacks a layer.
        RunError: The run does not hold what a candidate's exits said.
    """
    anew = []
    for evaluation in evaluations:
        if not evaluation.is_done:
            continue
        pair = records(evaluation.key, evaluation.fidelity)
        if pair is None:
            raise RunError(f"the run does not hold what the exits of candidate {evaluation.key} said")
        reach_costs = devices.reach_costs(evaluation.architecture, task)
        reach = reach_in(exits.cost_metric, evaluation.reach_macs, reach_costs)
        calibrate, select = (
            ExitSamples.of_scores(record.scores, record.predictions, right, reach)
            for record, right in zip(pair, labels, strict=True)
        )
        fitted = fitted_curve(exits, calibrate, select)
        cut_short = (
            reach_costs
            if evaluation.needs_earlier_heads
            else devices.cut_short_costs(evaluation.architecture, task)
        )
        macs = {name: costs for name, costs in evaluation.cut_short_costs.items() if name == "macs"}
        again = replace(
            evaluation,
            reach_costs=reach_costs,
            cut_short_costs=macs | cut_short,
            cost_metric=exits.cost_metric,
            curve=fitted.curve,
            target_check=fitted.target_check,
        )
        anew.append(again.with_measured(exits.measured))
    return anew
