"""Checks of a run that is continued: settings, data, code and supernet are still those it began with.

Must not import torch.
"""

from __future__ import annotations

import math
import shlex

from aebnas.config import SearchFile, config_differences
from aebnas.data.checks.moved import ADVICE, other_data
from aebnas.data.splits import Splits
from aebnas.errors import RunError
from aebnas.evaluation.identity import code_of, teacher_files
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.settings import supernet_settings
from aebnas.runs.store.store import RunStore

CHANGEABLE = (
    "search.generations", "search.max_trainings", "search.max_minutes", "workers",
    "supernet.processes", "supernet.checkpoint_seconds", "report", "code_folder",
)  # fmt: skip
"""Settings that may differ when a run is continued: when to stop, who works, how often a supernet is saved,
what is shown, where code lies."""
FIDELITIES_FIELD = "evaluation.fidelities"
"""May differ in its end: in which candidates of the whole search are trained further, and for how long."""
DATA_PATHS = ("data.folder", "data.npz", "data.root")
"""Settings that say where the images lie."""


def check_settings(old: SearchFile, new: SearchFile) -> None:
    """Refuse settings that would make the rest of a run another search.

    Raises:
        RunError: One differs that must not.
    """
    same = plan_of(old).of_generations == plan_of(new).of_generations
    allowed = (*CHANGEABLE, FIDELITIES_FIELD) if same else CHANGEABLE
    refused = [
        difference
        for difference in config_differences(old, new)
        if not any(difference.path == name or difference.path.startswith(f"{name}.") for name in allowed)
    ]
    if refused:
        changes = "; ".join(str(difference) for difference in refused)
        has_moved = any(difference.path in DATA_PATHS for difference in refused)
        raise RunError(
            f"a run is continued with its own settings, but these differ: {changes}. Allowed changes: "
            f"{', '.join(CHANGEABLE)}, and {FIDELITIES_FIELD} that keep a number of candidates. "
            f"{f'{ADVICE}. ' if has_moved else ''}"
            "Start a new run: aebnas search FILE --name NEW"
        )


def check_end(store: RunStore, config: SearchFile) -> None:
    """Refuse an end before what is finished: weights of an earlier front exist no more.

    Raises:
        RunError: The run is beyond the end that is asked for.
    """
    finished = [generation for generation in store.generations() if generation["is_complete"]]
    if not finished:
        return
    last = finished[-1]
    full_trainings = math.ceil(last.get("full_trainings", last["trainings"]))
    ends = {
        "generations": (config.search.generations, last["number"]),
        "max_trainings": (config.search.max_trainings, full_trainings),
    }
    for name, (end, reached) in ends.items():
        if end is not None and end < reached:
            run = shlex.quote(str(store.path))
            raise RunError(
                f"{store.path} has finished {reached} {name.removeprefix('max_')} already: "
                f"search.{name} must be >= {reached}, but got {end}. What there is: aebnas report {run}"
            )


def check_data(store: RunStore, splits: Splits) -> None:
    """Refuse other images, or other splits of them.

    Raises:
        RunError: The data have changed.
    """
    fingerprint = store.metadata("data")
    if fingerprint is not None and fingerprint != splits.fingerprint:
        what = f"the data of {store.path} have changed since the run began"
        raise RunError(
            other_data(what, fingerprint, splits.fingerprint, "Start a new run: aebnas search FILE")
        )


def check_code(store: RunStore, config: SearchFile) -> None:
    """Refuse other code from outside than the run began with.

    Raises:
        RunError: The code behind a name has changed.
    """
    then = store.metadata("code", {})
    changed = [name for name, now in code_of(config.outside_names).items() if then.get(name) != now]
    if changed:
        raise RunError(
            f"the code of {', '.join(changed)} in {config.code_folder}, or what it imports, has changed "
            f"since {store.path} began: its results would not belong together. Put the old files back, or "
            "start a new run: aebnas search FILE --name NEW"
        )


def check_teacher(store: RunStore, config: SearchFile) -> None:
    """Refuse another teacher than the run began with.

    Raises:
        ConfigError: A file of it cannot be read.
        RunError: A file of it has changed.
    """
    then = store.metadata("teacher", {})
    changed = [name for name, now in teacher_files(config.training).items() if then.get(name) != now]
    if changed and config.training.teacher is not None:
        files = ", ".join(config.training.teacher.files[name] for name in changed)
        raise RunError(
            f"the teacher has changed since {store.path} began: {files}. Its results would not belong "
            "together. Put the old file back, or start a new run: aebnas search FILE --name NEW"
        )


def check_own_supernet(store: RunStore, config: SearchFile, splits: Splits) -> None:
    """Refuse a run that began with a supernet which is trained otherwise today.

    Raises:
        RunError: Its supernet is of something else, or damaged.
    """
    if plan_of(config).shares_weights and (store.path / "supernet").is_dir():
        from aebnas.supernet.preparation import check_own  # imports torch

        check_own(supernet_settings(config), splits, store.path)
