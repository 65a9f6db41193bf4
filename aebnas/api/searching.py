"""Searches: begun, continued, and the supernets that they inherit from.  Must not import torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.files import load_search_file, search_file

if TYPE_CHECKING:
    from aebnas.config import SearchFile
    from aebnas.runs.frame import LoadedRun
    from aebnas.search.events import Event, Listener
    from aebnas.search.loop.search import Search
    from aebnas.supernet.preparation import ReadySupernet

RUNS = "runs"
"""Folder of the run directories, by default."""
OnStep = Callable[[str], None]


def ignore(event: Event | str) -> None:
    """Do nothing."""


def run_search(
    file: str | Path | SearchFile,
    folder: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    listener: Listener = ignore,
    on_step: OnStep = ignore,
    progress: bool = False,
) -> LoadedRun:
    """Search from a search-space file into a new run directory, and write its report if the file asks for it.

    Interrupted in any way, it is continued by ``resume_run``: every trained candidate is kept.  With
    ``workers.mode: ray`` it starts processes: a script calls it below ``if __name__ == "__main__":``.

    Args:
        file: The YAML file, or what ``load_search_file`` returned.
        folder: The run's directory; must not hold a run.  Default: ``runs/NAME``, by the file's ``name``.
        overrides: Settings such as ``"search.generations=20"``, which replace the file's values.
        listener: Called with every event (``aebnas.search.events``), a ``Generation`` among them; see
            ``tensorboard``, ``numbers_to`` and ``together``.
        on_step: Called with what is being done before and after the search itself, in words.
        progress: Show the progress of downloads on standard error.

    Returns:
        The finished run: ``front`` lists the points of the Pareto front by rising cost, ``to_frame()`` is a
        pandas frame of all candidates, ``path`` its directory.

    Raises:
        ConfigError: The file is wrong, or does not fit the images or the profiles; nothing is written then.
        DataError: Images are missing, damaged, or larger than memory; nothing is written then.
        HardwareError: A profile lacks a layer of the space; nothing is written then.
        RunError: The directory holds a run or cannot be written.
        WorkerError: Workers did not start, or every candidate failed.

    Example:
        >>> run = aebnas.run_search("search_spaces/mnist5k.yaml", "runs/mine")
        >>> [(point.key, point.accuracy, point.metrics["macs"]) for point in run.front]
    """
    config = search_file(file, overrides)
    path = Path(RUNS) / config.name if folder is None else Path(folder)
    from aebnas.runs.store.location import refuse_existing

    refuse_existing(path)  # before torch is imported and data are read
    on_step("reading data")
    from aebnas.search.session import new_session

    return _finished(new_session(config, path, listener, progress), path, config, on_step)


def resume_run(
    folder: str | Path,
    overrides: Sequence[str] = (),
    *,
    retry_failures: bool = False,
    data: str | Path | None = None,
    listener: Listener = ignore,
    on_step: OnStep = ignore,
    progress: bool = False,
) -> LoadedRun:
    """Continue an interrupted run, or extend a finished one; its front is that of an uninterrupted run.

    Args:
        folder: The run's directory.
        overrides: Settings that may change: when to stop (``"search.max_trainings=80"``), who is trained in
            the end (``evaluation.fidelities``), ``workers`` and ``report``.
        retry_failures: Try again what failed for lack of memory, with its worker or by the time limit;
            generations after it may turn out differently.
        data: Folder or file where the images are now, if they have moved.
        listener: As of ``run_search``.
        on_step: As of ``run_search``.
        progress: As of ``run_search``.

    Returns:
        The run, as of ``run_search``.

    Raises:
        ConfigError: An override is wrong.
        DataError: The images are not there, or are others.
        RunError: There is no run, it is damaged or in use, a setting changed that must not, or versions
            differ.
        WorkerError: Workers did not start, or every candidate failed.

    Example:
        >>> run = aebnas.resume_run("runs/mine", ["search.max_trainings=80"])
    """
    path = Path(folder)
    config = _changed_config(path, overrides)
    on_step("reading data")
    from aebnas.search.session import resumed_session

    place = None if data is None else Path(data)
    session = resumed_session(path, overrides, listener, progress, retry_failures, place)
    return _finished(session, path, config, on_step)


def train_supernet(
    file: str | Path | SearchFile,
    folder: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    listener: Listener = ignore,
    on_step: OnStep = ignore,
) -> ReadySupernet:
    """Train the shared weights that candidates inherit, or continue their training; no search is begun.

    Searches with ``evaluation.fidelities: [inherited]`` whose runs lie beside it, on the same space and data,
    use them.

    Args:
        file: The YAML file, or what ``load_search_file`` returned.
        folder: A run's directory, in which ``supernet/`` is written.  Default: ``runs/NAME``.
        overrides: Settings such as ``"supernet.epochs=20"``.
        listener: Called with every event: ``SupernetProgress``, ``SupernetReady``.
        on_step: Called with what is being done, in words.

    Returns:
        ``path`` of the weights, ``origin`` (``trained``, ``known``, or the path of the file that they were
        copied from), ``supernet.record`` (how the training went: loss in nats, seconds, accuracies by exit of
        its smallest, middle and largest network).

    Raises:
        ConfigError: The file is wrong.
        DataError: Images are missing or damaged.
        RunError: The folder holds another supernet, is in use or cannot be written.
        WorkerError: The training diverged.

    Example:
        >>> aebnas.train_supernet("search_spaces/mnist5k.yaml", "runs/shared").path
        PosixPath('runs/shared/supernet/supernet.safetensors')
    """
    config = _inheriting(file, overrides)
    path = Path(RUNS) / config.name if folder is None else Path(folder)
    from aebnas.evaluation.settings import supernet_settings

    settings = supernet_settings(config)
    on_step("reading data")
    from aebnas.data.datasets import load_dataset
    from aebnas.data.splits import make_splits
    from aebnas.files.lock import run_lock
    from aebnas.runs.store.location import storage_errors
    from aebnas.search.artefacts.supernets import trained_supernet
    from aebnas.supernet.preparation import check_given, check_place
    from aebnas.supernet.storage import supernet_file

    splits = make_splits(load_dataset(config.data), config.data)
    check_place(settings, path)
    if not supernet_file(path).exists():
        check_given(settings, splits)
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        with run_lock(path):
            return trained_supernet(settings, config.workers, splits, path, listener)


def _finished(
    session: AbstractContextManager[Search], path: Path, config: SearchFile, on_step: OnStep
) -> LoadedRun:
    """Search to the end, and write the report if it is asked for."""
    with session as search:
        on_step("costing the space")
        for _ in search.run():
            pass
    from aebnas.api.results import load_run, write_report

    if config.report.enabled:
        on_step("writing the report")
        write_report(path)
    return load_run(path)


def _inheriting(file: str | Path | SearchFile, overrides: Sequence[str]) -> SearchFile:
    """Return a file whose candidates inherit; a supernet serves searches of other settings too."""
    from aebnas.config import parse, resolved
    from aebnas.evaluation.plan import plan_of

    config = search_file(file, overrides)
    if plan_of(config).shares_weights:
        return config
    inherits = "evaluation.fidelities=[inherited]"
    if isinstance(file, str | Path):
        return load_search_file(file, [inherits, *overrides])
    return parse(resolved(config).encode(), config.name, [inherits])


def _changed_config(path: Path, overrides: Sequence[str]) -> SearchFile:
    """Return a run's configuration with its changes; mistakes are told before torch is imported."""
    from aebnas.runs.store.store import RunStore

    store = RunStore(path)
    try:
        unchanged = store.settled  # damage there is the run's; what is wrong behind it is an override
    finally:
        store.close()
    return load_search_file(path / "config.yaml", overrides) if overrides else unchanged
