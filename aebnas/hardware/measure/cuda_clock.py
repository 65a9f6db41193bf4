"""Clocks on CUDA devices: events around groups of calls, or around graph replays.

One call of a small layer is shorter than the resolution of an event (about half a
microsecond), so a sample is a group of calls divided by their number.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aebnas.hardware.devices.clock import Clock
from aebnas.runtime.cuda_graphs import CapturedCall

GROUP = 10
"""Calls between two events."""


def event_clock(module: nn.Module, x: Tensor) -> Clock:
    """Return a clock of eager calls: launch overhead counts where it is not hidden."""

    def call() -> None:
        with torch.inference_mode():
            module(x)

    return _groups(call, x.device)


def graph_clock(module: nn.Module, x: Tensor) -> Clock:
    """Return a clock of replays of the captured call.

    A tiny kernel stands in front of the call.  It is what an empty call consists of, so that what is
    subtracted is the start of a graph, and a layer's own kernels follow another, as in a network.  A layer
    counts with what it adds to a replay: one that is shorter than the launch of a graph hides behind it.
    """
    delay = torch.zeros(1, device=x.device)

    def call() -> Tensor:
        delay.add_(1)
        output: Tensor = module(x)
        return output

    return _groups(CapturedCall(call, x.device).replay, x.device)


def _groups(call: Callable[[], None], device: torch.device) -> Clock:
    def clock(calls: int) -> NDArray[np.float64]:
        groups = max(1, -(-calls // GROUP))
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(groups + 1)]
        with torch.cuda.device(device):
            marks[0].record()
            for mark in marks[1:]:
                for _ in range(GROUP):
                    call()
                mark.record()
            marks[-1].synchronize()
        spans_ms = [first.elapsed_time(second) for first, second in itertools.pairwise(marks)]
        return np.repeat(np.asarray(spans_ms) * 1e6 / GROUP, GROUP)

    return clock
