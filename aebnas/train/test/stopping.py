"""Networks that really stop: image by image in onnxruntime, segments counted and timed.

Several networks take turns on every image, so that what disturbs the machine disturbs all alike.
The time includes deciding, in Python, but not preparing the image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.online import online
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Images, Logits
from aebnas.runtime.torch_segments import network_graphs

WARM_UP = 20
"""Images that are run before anything is timed."""


@dataclass(frozen=True, eq=False)
class Stopped:
    """What one network did when it really stopped."""

    chosen: NDArray[np.int64]
    """The exit where each image left."""
    classes: NDArray[np.int64]
    """The answers."""
    calls: tuple[int, ...]
    """How often each segment was executed."""
    ms: NDArray[np.float64]
    """Per image, deciding included."""
    deciding_ms: NDArray[np.float64]
    """Of them, spent by the policy in Python."""

    def macs(self, reach_macs: Sequence[float]) -> float:
        """Return the MACs that were executed, per image.

        Args:
            reach_macs: MACs of leaving at each exit: their steps are what the segments cost.
        """
        segments = np.diff(np.asarray(reach_macs), prepend=0.0)
        return float(np.asarray(self.calls) @ segments / len(self.chosen))


class StoppingNetwork:
    """A network with its policy, one onnxruntime session per segment."""

    def __init__(self, network: EarlyExitNetwork, policy: ExitPolicy, threads: int = 1) -> None:
        """Open the sessions.

        Args:
            network: On the CPU, in evaluation mode.
            policy: When an image leaves.
            threads: Inside one operator.
        """
        self._sessions = [_Counted(open_session(graph, threads)) for graph in network_graphs(network)]
        self._run = onnx_runner(self._sessions).run
        self._decide = online(policy)  # as an exported network decides
        self._exits: list[int] = []
        self._classes: list[int] = []
        self._ns: list[int] = []
        self._deciding_ns: list[int] = []

    def run(self, image: Images) -> None:
        """Answer one image ``(1, channels, r, r)``."""
        self._deciding_ns.append(0)
        started = time.perf_counter_ns()
        answer = self._run(image, self._leave())
        label = int(answer.logits[0].argmax())
        self._ns.append(time.perf_counter_ns() - started)
        self._exits.append(answer.exit)
        self._classes.append(label)

    def forget(self) -> None:
        """Begin anew, warm."""
        self._exits, self._classes, self._ns, self._deciding_ns = [], [], [], []
        for session in self._sessions:
            session.calls = 0

    def stopped(self) -> Stopped:
        """Return what happened so far."""
        return Stopped(
            np.asarray(self._exits, np.int64),
            np.asarray(self._classes, np.int64),
            tuple(session.calls for session in self._sessions),
            np.asarray(self._ns, np.float64) / 1e6,
            np.asarray(self._deciding_ns, np.float64) / 1e6,
        )

    def _leave(self) -> Callable[[int, Logits], bool]:
        seen: list[Logits] = []

        def leave(exit_index: int, logits: Logits) -> bool:
            started = time.perf_counter_ns()
            seen.append(logits.copy())  # the runtime writes the next answer over its own
            leaves = bool(self._decide(exit_index, seen)[0])
            self._deciding_ns[-1] += time.perf_counter_ns() - started
            return leaves

        return leave


def take_turns(networks: Sequence[StoppingNetwork], images: Sequence[Iterable[Images]]) -> list[Stopped]:
    """Run networks image by image, in turns.

    Args:
        networks: Their first images are run twice, once to warm up.
        images: For each network, the same images at its own resolution, one at a time.
    """
    rows = zip(*images, strict=True)
    first = list(islice(rows, WARM_UP))
    for row in first:
        _run(networks, row)
    for network in networks:
        network.forget()
    for row in chain(first, rows):
        _run(networks, row)
    return [network.stopped() for network in networks]


def _run(networks: Sequence[StoppingNetwork], row: Sequence[Images]) -> None:
    for network, image in zip(networks, row, strict=True):
        network.run(image)


class _Counted:
    """A session that counts its calls."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.calls = 0
        self.io_binding = session.io_binding
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run_with_iobinding(self, binding: Any) -> None:
        self.calls += 1
        self._session.run_with_iobinding(binding)
