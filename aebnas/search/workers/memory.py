"""Whether the images of all workers fit in memory, before any worker starts.

Every worker on a CPU keeps the training images with the border of the crop; Ray keeps
one copy of all splits in shared memory.  On GPUs, and on the nodes of a cluster, others
have the memory.  Must not import torch or ray.
"""

from __future__ import annotations

import math
import shutil

from aebnas.config.schema import SearchFile
from aebnas.data.checks.memory import FEWER, SPARE, format_bytes
from aebnas.data.checks.metadata import DataMetadata
from aebnas.data.checks.room import available_bytes
from aebnas.errors import DataError
from aebnas.search.workers.resources import worker_count, worker_gpus

SHARED_MEMORY = "/dev/shm"


def check_workers_fit(config: SearchFile, data: DataMetadata) -> None:
    """Refuse images that do not fit into memory once for every worker.

    Raises:
        DataError: They do not.
    """
    there = available_bytes(own_limits=False)
    if there is None or config.workers.address is not None:
        return
    height, width, channels = data.shape
    crop, pixels = config.training.augment.crop, height * width * channels
    splits = sum(data.counts[:3]) * pixels
    padded = data.counts[0] * (height + 2 * crop) * (width + 2 * crop) * channels
    workers, shared = _workers(config), _shared(config, splits)
    needed = splits + shared + workers * padded
    there += 0 if data.splits is None else splits
    if needed <= there:
        return
    fitting = int((SPARE * there - splits - shared) // padded)
    raise DataError(
        f"training images for {workers} workers take {format_bytes(needed)} of memory "
        f"({format_bytes(padded)} for "
        f"each), but {format_bytes(there)} are free. {_cure(config, fitting, needed / there, data)}"
    )


def _workers(config: SearchFile) -> int:
    """Return how many workers keep images in this machine's memory."""
    workers = config.workers
    if workers.mode == "serial":
        return int(workers.gpus_per_worker in ("auto", 0))
    gpus = worker_gpus(workers)
    return 0 if gpus else worker_count(workers, gpus)


def _shared(config: SearchFile, splits: int) -> int:
    """Return what Ray's copy takes; without room in shared memory Ray keeps it on the disk."""
    if config.workers.mode == "serial":
        return 0
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return 0
    return splits if free > splits else 0


def _cure(config: SearchFile, fitting: int, needed: float, data: DataMetadata) -> str:
    if fitting >= 1 and config.workers.mode == "ray":
        return f"Set workers.count: {fitting}."
    limit = math.floor(SPARE * sum(data.counts[:3]) / needed)
    smaller = " or make them smaller with data.image_size" if config.data.folder is not None else ""
    return f"Use fewer images with data.limit: {limit}{smaller}." if limit >= 10 else FEWER
