"""How many workers this machine holds.

Must not import torch or ray.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version

from aebnas.config.schema import WorkersConfig
from aebnas.hardware.devices.devices import gpus
from aebnas.search.workers.cluster.nodes import TINY, gpu_slots


def worker_gpus(config: WorkersConfig, cluster: Mapping[str, float] | None = None) -> float:
    """Return the GPUs of one worker: as given, or 1 where there is one, else 0.

    Args:
        config: The workers section.
        cluster: Resources of the cluster that trains; None: this machine does.
    """
    if config.gpus_per_worker != "auto":
        return config.gpus_per_worker
    count = usable_gpus() if cluster is None else cluster.get("GPU", 0)
    return 1.0 if count >= 1 else 0.0


def worker_count(config: WorkersConfig, gpus_per_worker: float) -> int:
    """Return the number of workers: as given, or what this machine holds, at least 1."""
    if config.count != "auto":
        return config.count
    if gpus_per_worker > 0:
        return max(1, gpu_slots(usable_gpus(), gpus_per_worker))
    return max(1, int(available_cores() / config.cpus_per_worker + TINY))


def usable_gpus() -> int:
    """Return the GPUs of this machine that ``CUDA_VISIBLE_DEVICES`` leaves; 0 with torch's CPU build."""
    if version("torch").endswith("+cpu"):
        return 0
    count, visible = len(gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return count
    names = [name.strip() for name in visible.split(",")]
    return min(count, sum(name not in ("", "-1", "NoDevFiles") for name in names))


def available_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def own_device(workers: WorkersConfig) -> str:
    """Return where this process computes what precedes the workers: on a GPU where they do."""
    if workers.mode == "serial":
        has_gpu = workers.gpus_per_worker not in ("auto", 0)
    else:
        has_gpu = workers.address is None and worker_gpus(workers) > 0
    return "cuda:0" if has_gpu else "cpu"
