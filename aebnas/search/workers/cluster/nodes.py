"""The nodes of a cluster, and how many workers they hold.

A worker lives on one node, and a share of a GPU on one GPU: places are counted node by node.  Summed over
the cluster, two nodes of 1.5 cores would seem to hold three workers of one core.

Must not import torch or ray.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aebnas.errors import WorkerError

TINY = 1e-6
"""Shares such as 0.1 are not exact in binary: ten of them are to fit."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is up."""

    name: str
    """Identity in this cluster."""
    address: str
    """Host, as a person would name it."""
    cpus: float
    gpus: float


def worker_capacity(nodes: Iterable[Node], cpus: float, gpus: float) -> int:
    """Return how many workers the nodes hold if nobody else uses them.

    Args:
        nodes: Those that are up.
        cpus: Cores of one worker.
        gpus: GPUs of one worker.
    """
    return sum(min(int(node.cpus / cpus + TINY), gpu_slots(node.gpus, gpus)) for node in nodes)


def gpu_slots(available: float, each: float) -> int:
    """Return how many workers the GPUs of one machine hold; without need of any, more than there can be."""
    if each == 0:
        return 2**31
    if each < 1:
        return int(available + TINY) * int(1 / each + TINY)
    return int(available / each + TINY)


def check_capacity(nodes: Sequence[Node], cpus: float, gpus: float) -> None:
    """Refuse a cluster that holds no worker.

    Raises:
        WorkerError: No node is large enough, or Ray knows no such share of GPUs.
    """
    if gpus > 1 and not float(gpus).is_integer():
        raise WorkerError(
            f"workers.gpus_per_worker above 1 must be whole, but got {gpus:g}. "
            f"Next to it: {int(gpus)} and {int(gpus) + 1}"
        )
    if worker_capacity(nodes, cpus, gpus) == 0:
        raise WorkerError(
            f"no worker fits: one needs {cpus:g} cores and {gpus:g} GPUs, {_sizes(nodes)}. "
            "See workers.cpus_per_worker and workers.gpus_per_worker"
        )


def _sizes(nodes: Sequence[Node]) -> str:
    if not nodes:
        return "the cluster has no node"
    cores = ", ".join(f"{node.cpus:g}" for node in nodes[:10])
    gpus = ", ".join(f"{node.gpus:g}" for node in nodes[:10])
    more = f" (and {len(nodes) - 10} more)" if len(nodes) > 10 else ""
    return f"the cluster's nodes{more} have {cores} cores and {gpus} GPUs"
