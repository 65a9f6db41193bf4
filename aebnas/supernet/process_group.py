"""Process groups: several processes that share the networks of each step of one training.

Every process holds all weights and sees the same images; the networks of a step are
divided among them, and gradients and uses are summed.  One process or several
therefore do the same steps, up to the order in which numbers are added.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from aebnas.errors import TrainingError
from aebnas.extensions.consent import Permit, permit

Network = TypeVar("Network")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others before it gives up."""
LOOK_SECONDS = 1.0
"""Between two looks whether the others are still coming."""


@dataclass(frozen=True)
class ProcessGroup:
    """The place of this process among those of one training."""

    rank: int = 0
    size: int = 1

    def share(self, networks: Sequence[Network], cost: Callable[[Network], float]) -> list[int]:
        """Return the indices of this process's networks: the most expensive first, to who has least.

        Args:
            networks: Of one step.
            cost: What one of them costs; not asked where there is one process.
        """
        if self.size == 1:
            return list(range(len(networks)))  # counting takes as long as training where layers are new
        costs = [cost(network) for network in networks]
        load, mine = [0.0] * self.size, []
        for i in sorted(range(len(costs)), key=lambda i: -costs[i]):
            who = load.index(min(load))
            load[who] += costs[i]
            if who == self.rank:
                mine.append(i)
        return sorted(mine)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes.

        Raises:
            TrainingError: A process has died.
        """
        if self.size == 1:
            return
        try:
            for tensor in tensors:
                distributed.all_reduce(tensor)
        except RuntimeError as error:
            raise TrainingError(
                "a process of the supernet's training died; what was saved last is kept. Continue a search "
                "with aebnas resume RUN, aebnas supernet by repeating it; with --set supernet.processes=1 "
                f"if it happens again ({_first_line(error)})"
            ) from error


Follow = Callable[..., None]
"""What the other processes do: called with their process group and the arguments given to ``leading``."""


@contextmanager
def leading(size: int, device: str, follow: Follow, arguments: tuple[Any, ...]) -> Iterator[ProcessGroup]:
    """Start the other processes and lead them; they end with the block.

    Args:
        size: Processes, this one included.
        device: ``cpu``, or ``cuda:0`` for one GPU each.
        follow: A function of a module, for it is imported in the other processes.
        arguments: For ``follow``; must be picklable.

    Raises:
        TrainingError: There are fewer GPUs than processes, or a process does not start.
    """
    if size == 1:
        yield ProcessGroup()
        return
    _check_gpus(size, device)
    context = multiprocessing.get_context("spawn")  # a forked process cannot use torch's threads
    with tempfile.TemporaryDirectory(prefix="aebnas-supernet-") as folder:
        meeting, arrived = str(Path(folder) / "meeting"), context.Semaphore(0)
        others = [
            context.Process(
                target=_begin,
                args=(meeting, arrived, ProcessGroup(rank, size), device, permit(), follow, arguments),
                daemon=True,
            )
            for rank in range(1, size)
        ]
        try:
            for other in others:
                other.start()
            _await(arrived, others)
            _meet(meeting, ProcessGroup(0, size), device)
            yield ProcessGroup(0, size)
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for other in others:
                if other.pid is not None:  # it was started
                    other.terminate()
                    other.join()


def _check_gpus(size: int, device: str) -> None:
    """Refuse more processes than this machine has GPUs for.

    Raises:
        TrainingError: There are fewer.
    """
    gpus = torch.cuda.device_count() if device != "cpu" else size
    if size > gpus:
        raise TrainingError(
            f"supernet.processes: {size} processes need a GPU each, but this one sees {gpus}; "
            f"--set supernet.processes={max(1, gpus)}"
        )


def device_of(rank: int, device: str) -> str:
    """Return the device of a process: CPUs are shared, GPUs are not."""
    return device if device == "cpu" else f"cuda:{rank}"


def _await(arrived: Semaphore, others: Sequence[BaseProcess]) -> None:
    """Wait until every process stands where nothing but the meeting is left.

    The meeting itself would wait for a process that died on its way as long as for a slow one.

    Raises:
        TrainingError: One has died.
    """
    for _ in others:
        while not arrived.acquire(timeout=LOOK_SECONDS):
            died = next((other for other in others if other.exitcode is not None), None)
            if died is not None:
                raise TrainingError(
                    f"a process of the supernet's training did not start (exit code {died.exitcode}; its "
                    'words are above). A script that starts one needs `if __name__ == "__main__":`. Or '
                    "train in this process alone: --set supernet.processes=1"
                )


def _begin(
    meeting: str,
    arrived: Semaphore,
    group: ProcessGroup,
    device: str,
    permit: Permit,
    follow: Follow,
    arguments: tuple[Any, ...],
) -> None:
    import signal

    permit.take()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one decides
    arrived.release()
    _meet(meeting, group, device)
    try:
        follow(group, *arguments)
    except TrainingError:
        raise SystemExit(1) from None  # the first process tells it


def _meet(meeting: str, group: ProcessGroup, device: str) -> None:
    backend = "gloo" if device == "cpu" else "nccl"
    if device != "cpu":
        torch.cuda.set_device(device_of(group.rank, device))
    distributed.init_process_group(
        backend, init_method=f"file://{meeting}", rank=group.rank, world_size=group.size, timeout=PATIENCE
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
