"""Sessions: everything that one search needs, put together from a configuration.

with new_session(load("search_spaces/mnist5k.yaml"), Path("runs/mine")) as search:
    for generation in search.run():
        print(generation.number, generation.hypervolume)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aebnas.config import SearchFile, load
from aebnas.config.text_paths import refuse_unwritable
from aebnas.data.checks.moved import moved, read_again
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.identity import code_of, teacher_files
from aebnas.evaluation.settings import candidate_settings
from aebnas.files.atomic import write_atomically
from aebnas.runs.environment import changes_since, check_versions, environment
from aebnas.runs.kept_profiles import keep_profiles, kept_devices
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.location import refuse_existing, storage_errors
from aebnas.runs.store.store import RunStore
from aebnas.search.continuing import (
    check_code,
    check_data,
    check_end,
    check_own_supernet,
    check_settings,
    check_teacher,
)
from aebnas.search.events import Listener, Warned, ignore
from aebnas.search.loop.search import Search
from aebnas.search.preparation import prepare, weight_notes
from aebnas.search.problem import SearchProblem, problem_of
from aebnas.search.proposers.api import Proposer
from aebnas.search.start import make_proposer
from aebnas.search.workers.pool import SerialPool, WorkerPool


@contextmanager
def new_session(
    config: SearchFile, path: Path, listener: Listener = ignore, progress: bool = False
) -> Iterator[Search]:
    """Start a run in a new directory.

    Args:
        config: The whole search-space file.
        path: The run's directory; must not hold a run.
        listener: Told what happens.
        progress: Show the progress of downloads.

    Raises:
        DataError: Something is wrong with the data; no directory is made then.
        ConfigError: The training does not fit the images, a hardware profile is wrong, or the
            limits on the first generation admit nothing; no directory is made then.
        HardwareError: A profile lacks a layer of the space, or energies; no directory is made then.
        RunError: The directory holds a run or cannot be written; ``supernet.file`` is of something else or
            cannot be read: no directory is made then.
    """
    refuse_existing(path)
    refuse_unwritable("the run", path)
    prepared = prepare(config, progress)
    proposer, splits, problem = prepared.proposer(), prepared.splits, prepared.problem
    config = _with_absolute_paths(config)
    store = RunStore.create(path, config, environment())
    try:
        with store.writing():
            keep_profiles(store, problem.devices)
            store.put_metadata("code", code_of(config.outside_names))
            store.put_metadata("teacher", teacher_files(config.training))
            _record_data(store, splits)
            for text in (*prepared.data.notes, *prepared.notes, *prepared.data.warnings):
                listener(Warned(text))
            problem = replace(problem, task=splits.task, candidates=candidate_settings(config))
            yield _search(problem, splits, store, proposer, listener)
    finally:
        store.close()


@contextmanager
def resumed_session(
    path: Path,
    overrides: Sequence[str] = (),
    listener: Listener = ignore,
    progress: bool = False,
    retry_failures: bool = False,
    data: Path | None = None,
) -> Iterator[Search]:
    """Continue an interrupted run, or extend a finished one.

    Args:
        path: The run's directory.
        overrides: Settings such as ``search.generations=50``; see ``continuing.CHANGEABLE``.
        listener: Told what happens.
        progress: Show the progress of downloads.
        retry_failures: Try again what failed for lack of memory, with its worker or by the time
            limit.  Not by default: a candidate that then succeeds changes what is proposed after its
            generation, and trainings that are not proposed again were for nothing.
        data: Where the images are now, if they have moved; the run goes on with this place.

    Raises:
        ConfigError: An override is wrong, or the weights that trainings begin with are not installed.
        DataError: Something is wrong with the data, or they are not there.
        RunError: A setting changed that must not, the run is beyond the end that is asked for,
            versions or data differ, its supernet is trained otherwise today, or the run is in use.
    """
    store = RunStore(path)
    try:
        with store.writing():
            settled = store.settled
            config = load(path / "config.yaml", overrides)
            check_settings(settled, config)
            check_end(store, config)
            check_versions(store.environment, config.search.surrogate != "none")
            config = config.model_copy(update={"data": moved(config.data, data)})
            splits = make_splits(read_again(config.data, progress), config.data)
            check_data(store, splits)
            check_code(store, config)
            check_teacher(store, config)
            check_own_supernet(store, config, splits)
            weight_notes(config.training, problem_of(config, splits.task).space, splits.task)
            store.rewrite_config(config)
            if retry_failures:
                store.forget_machine_failures()
            _record_data(store, splits)
            change = changes_since(store.environment)
            problem = problem_of(config, splits.task, kept_devices(store, config.profiles))
            yield _search(problem, splits, store, make_proposer(problem), listener, change)
    finally:
        store.close()


def _search(
    problem: SearchProblem,
    splits: Splits,
    store: RunStore,
    proposer: Proposer,
    listener: Listener,
    change: str | None = None,
) -> Search:
    candidates, workers = problem.candidates, problem.workers

    def make_pool(on_event: Listener) -> WorkerPool:
        from aebnas.evaluation.bench import Preparation  # imports torch
        from aebnas.evaluation.fidelities import prepared
        from aebnas.search.artefacts.given_networks import prepared_heads
        from aebnas.search.artefacts.supernets import prepared_supernet

        def supernet() -> Mapping[str, NDArray[Any]]:
            ready = prepared_supernet(candidates.supernet, workers, splits, store, on_event)
            return ready.supernet.arrays()

        def heads() -> None:
            prepared_heads(candidates, problem.space, workers, splits, store, on_event)

        shared = prepared(problem.plan, Preparation(supernet, heads))
        if workers.mode == "serial":
            return SerialPool(candidates, workers, splits, on_event, problem.devices, shared)
        from aebnas.search.workers.ray_pool import RayPool  # importing Ray takes a second

        return RayPool(candidates, workers, splits, on_event, problem.devices, shared)

    return Search(problem, store, make_pool, splits.fingerprint, proposer, listener, change)


def _with_absolute_paths(config: SearchFile) -> SearchFile:
    """Return the configuration with paths that hold wherever the run is resumed from."""
    data = {name: getattr(config.data, name) for name in ("folder", "npz", "root")}
    teacher = config.training.teacher
    supernet = _absolute({"file": config.supernet.file})
    return config.model_copy(
        update={
            "data": config.data.model_copy(update=_absolute(data)),
            "hardware": tuple(map(_absolute_path, config.hardware)),
            "space": config.space.with_files(_absolute(config.space.files)),
            "supernet": config.supernet.model_copy(update=supernet),
            "training": config.training.model_copy(
                update={"teacher": None if teacher is None else teacher.with_files(_absolute(teacher.files))}
            ),
        }
    )


def _absolute(files: Mapping[str, str | None]) -> dict[str, str]:
    """Return those of some paths that are given, from the root on."""
    return {name: _absolute_path(path) for name, path in files.items() if path is not None}


def _absolute_path(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _record_data(store: RunStore, splits: Splits) -> None:
    """Keep what identifies the data, and the labels that rescoring needs."""
    store.put_metadata("data", splits.fingerprint)
    store.put_metadata("classes", splits.classes)
    store.put_metadata("image_shape", splits.train.shape)
    store.put_metadata("train_images", len(splits.train))
    labels = {"calibrate": splits.calibrate.labels, "select": splits.select.labels}
    with storage_errors(store.path):
        write_atomically(store.path / "labels.npz", pack_arrays(labels))
