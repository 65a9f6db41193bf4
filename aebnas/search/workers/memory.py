"""Whether the images of all workers fit in memory, before any worker starts.

Every worker on a CPU keeps the training images with the border of the crop; Ray keeps
one copy of all splits in shared memory.  On GPUs, and on the nodes of a cluster, others
have the memory.  Must not import torch or ray.
"""

from __future__ import annotations

import math
import shutil

from aebnas.config.schema import WorkersConfig
from aebnas.config.sections.training import AugmentConfig
from aebnas.data.checks.memory import FEWER, SPARE, format_bytes
from aebnas.data.checks.metadata import DataMetadata
from aebnas.data.checks.room import available_bytes
from aebnas.errors import DataError
from aebnas.search.workers.resources import worker_count, worker_gpus

SHARED_MEMORY = "/dev/shm"


def check_workers_fit(
    workers: WorkersConfig, augment: AugmentConfig, data: DataMetadata, is_resizable: bool
) -> None:
    """Refuse images that do not fit into memory once for every worker.

    Args:
        workers: Who trains.
        augment: Each keeps the images with the border of the crop.
        data: The images.
        is_resizable: Whether ``data.image_size`` makes them smaller.

    Raises:
        DataError: They do not.
    """
    there = available_bytes(own_limits=False)
    if there is None or workers.address is not None:
        return
    height, width, channels = data.shape
    crop, pixels = augment.crop, height * width * channels
    splits = sum(data.counts[:3]) * pixels
    padded = data.counts[0] * (height + 2 * crop) * (width + 2 * crop) * channels
    count, shared = _count(workers), _shared(workers, splits)
    needed = splits + shared + count * padded
    there += 0 if data.splits is None else splits
    if needed <= there:
        return
    fitting = int((SPARE * there - splits - shared) // padded)
    cure = _cure(workers, fitting, needed / there, data, is_resizable)
    raise DataError(
        f"training images for {count} workers take {format_bytes(needed)} of memory "
        f"({format_bytes(padded)} for "
        f"each), but {format_bytes(there)} are free. {cure}"
    )


def _count(workers: WorkersConfig) -> int:
    """Return how many workers keep images in this machine's memory."""
    if workers.mode == "serial":
        return int(workers.gpus_per_worker in ("auto", 0))
    gpus = worker_gpus(workers)
    return 0 if gpus else worker_count(workers, gpus)


def _shared(workers: WorkersConfig, splits: int) -> int:
    """Return what Ray's copy takes; without room in shared memory Ray keeps it on the disk."""
    if workers.mode == "serial":
        return 0
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return 0
    return splits if free > splits else 0


def _cure(workers: WorkersConfig, fitting: int, needed: float, data: DataMetadata, is_resizable: bool) -> str:
    if fitting >= 1 and workers.mode == "ray":
        return f"Set workers.count: {fitting}."
    limit = math.floor(SPARE * sum(data.counts[:3]) / needed)
    smaller = " or make them smaller with data.image_size" if is_resizable else ""
    return f"Use fewer images with data.limit: {limit}{smaller}." if limit >= 10 else FEWER
