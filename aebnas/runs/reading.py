"""Reading a run: its store, whatever state it is in, to the contents that a report tells.

A store of an interrupted run, of one without a finished generation and of one whose
candidates all failed are read alike; what is missing is empty.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aebnas.config import SearchFile
from aebnas.errors import RunError
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Evaluation
from aebnas.runs.contents import RunContents
from aebnas.runs.evaluated import ended_steps, failed_finals
from aebnas.runs.fidelity_status import current_evaluations, finals_of, front_level
from aebnas.runs.fronts.operating_points import operating_points
from aebnas.runs.store.arrays import numbers_of_labels
from aebnas.runs.store.store import RunStore
from aebnas.runs.timing import timing, workload

METADATA = (
    "status", "stopped_by", "data", "classes", "image_shape", "not_repeatable", "out_of_time", "supernet",
    "elapsed_seconds",
)  # fmt: skip
"""What a report reads of what a run notes about itself."""


def read_runs(stores: Sequence[RunStore]) -> tuple[RunContents, ...]:
    """Return the contents of several runs under distinct labels.

    Raises:
        ConfigError, RunError: A run's directory is damaged.
    """
    labels: list[str] = []
    for store in stores:
        name = store.path.resolve().name
        same = sum(label == name or label.startswith(f"{name} (") for label in labels)
        labels.append(f"{name} ({same + 1})" if same else name)
    return tuple(read_run(store, label) for store, label in zip(stores, labels, strict=True))


def read_run(
    store: RunStore, label: str | None = None, rescored: tuple[SearchFile, Sequence[Evaluation]] | None = None
) -> RunContents:
    """Return the contents of one run.

    Args:
        store: The run.
        label: Its name in a report; default: its directory's.
        rescored: Another configuration and the evaluations under it: the front is theirs.

    Raises:
        ConfigError: Its configuration cannot be read.
        RunError: Its front names a candidate that it does not hold.
    """
    stored, filed = tuple(store.generations()), store.filed()
    generations = stored if rescored is None else ()
    config, finals = rescored[0] if rescored else store.config, finals_of(stored)
    plan = plan_of(config)
    evaluations = rescored[1] if rescored else current_evaluations(plan, filed, stored)
    points, front = operating_points(
        config, plan, evaluations, generations, store.path, front_level(plan, finals)
    )
    attempts, (ended, finished) = store.attempts(), ended_steps(store, filed)
    return RunContents(
        label=label or store.path.resolve().name,
        path=store.path,
        config=config,
        environment=_environment(store),
        metadata={name: store.metadata(name) for name in METADATA},
        done=tuple(evaluation for evaluation in evaluations if evaluation.is_done),
        failed=tuple(evaluation for evaluation in evaluations if not evaluation.is_done),
        points=points,
        front=front,
        generations=generations,
        images=_images(store.path),
        timing=timing(attempts, ended),
        workload=workload(attempts, finished),
        finals=finals,
        failed_finals=failed_finals(filed, finals),
    )


def _environment(store: RunStore) -> Mapping[str, Any]:
    """Return the run's environment; a report does without it."""
    try:
        return store.environment
    except RunError:
        return {}


def _images(path: Path) -> Mapping[str, int]:
    """Return the number of images of each split; empty where the labels cannot be read."""
    pairs = zip(("calibrate", "select"), numbers_of_labels(path), strict=True)
    return {name: number for name, number in pairs if number is not None}
