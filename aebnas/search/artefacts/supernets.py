"""The supernet of a run: prepared before the workers, its progress told to whoever listens."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from aebnas.config.schema import WorkersConfig
from aebnas.data.splits import Splits
from aebnas.errors import DivergedError, TrainingError, WorkerError
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Listener, SupernetProgress, SupernetReady
from aebnas.search.workers.resources import own_device
from aebnas.supernet.preparation import ReadySupernet, ready_supernet
from aebnas.supernet.settings import SupernetSettings
from aebnas.supernet.storage import supernet_file
from aebnas.supernet.training_loop import TrainingProgress

METADATA_NAME = "supernet"
"""What a run notes: ``origin``, as of ``SupernetReady``, and the training's record; before, ``begun``, and
whether it ``diverged``."""


def prepared_supernet(
    settings: SupernetSettings, workers: WorkersConfig, splits: Splits, store: RunStore, listener: Listener
) -> ReadySupernet:
    """Return the supernet that a search's candidates inherit from; the run notes where it came from.

    Args:
        settings: How it is trained.
        workers: Whether this machine trains on GPUs.
        splits: Its data.
        store: The run.
        listener: Told how far the training is.

    Raises:
        RunError, WorkerError: As of ``trained_supernet``.
    """
    if not supernet_file(store.path).exists() or (store.metadata(METADATA_NAME) or {}).get("diverged"):
        # whatever ends this session: a later one that finds a supernet here finds this run's own
        store.put_metadata(METADATA_NAME, {"begun": True})
    try:
        ready = trained_supernet(settings, workers, splits, store.path, listener)
    except WorkerError as error:
        if isinstance(error.__cause__, DivergedError):
            store.put_metadata(METADATA_NAME, {"begun": True, "diverged": True})
        raise
    noted = store.metadata(METADATA_NAME) or {}
    recorded_origin = "trained" if noted.get("begun") else noted.get("origin", ready.origin)
    origin = recorded_origin if ready.origin == "known" else ready.origin
    store.put_metadata(METADATA_NAME, {"origin": origin, **ready.supernet.record})
    return ready


def trained_supernet(
    settings: SupernetSettings, workers: WorkersConfig, splits: Splits, run: Path, listener: Listener
) -> ReadySupernet:
    """Return the supernet of a run directory; train it first where none fits.

    Args:
        settings: How it is trained.
        workers: Whether this machine trains on GPUs.
        splits: Its data.
        run: The directory.
        listener: Told how far the training is.

    Raises:
        RunError: A stored supernet is of something else or cannot be read or written.
        WorkerError: The training diverged.
    """

    def on_progress(progress: TrainingProgress) -> None:
        listener(SupernetProgress(**asdict(progress)))

    device = own_device(workers)
    try:
        ready = ready_supernet(settings, splits, run, on_progress, device)
    except TrainingError as error:
        raise WorkerError(str(error)) from error
    listener(SupernetReady(str(ready.path), ready.origin, dict(ready.supernet.record)))
    return ready
