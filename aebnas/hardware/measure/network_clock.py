"""Whole networks measured in the runner that is deployed, in interleaved rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import classifier
from aebnas.blocks.tensor_spec import image
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.samples import ANCHOR_NAME, Sample, SampleFile, exit_name
from aebnas.hardware.profile.measured_network import MeasuredNetwork, Role
from aebnas.hardware.profile.profile_schema import Overhead
from aebnas.nets.network import EarlyExitNetwork, ExitSegment
from aebnas.runtime.cuda_graphs import graph_segments_runner
from aebnas.runtime.onnx_graph import segment_graph
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Runner
from aebnas.runtime.torch_segments import onnx_network_runner, torch_segments_runner
from aebnas.space.api import Architecture, Segment
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import Task, classification

FloatArray = NDArray[np.float64]
ROUNDS = 24
"""Even, so that both halves have as many."""
PASSES_NS = 4e6
"""Length of one chunk of passes: the unit of a sample."""
MIN_PASSES, MAX_PASSES = 10, 80
WARM_UP = 3
"""Passes that find the caches full of the network before."""
EMPTY_SEGMENTS = 3
Progress = Callable[[int, int], None]
"""Told how many measurements are done, and of how many."""

ANCHOR_NETWORK = StagedArchitecture(
    resolution=32,
    stem=StemSpec(3, 2, 16, "relu"),
    stages=(
        StageSpec("stage1", (BlockSpec("residual", 3, 16), BlockSpec("mbconv", 3, 16, expansion=4.0))),
        StageSpec(
            "stage2", (BlockSpec("residual", 3, 32, 2), BlockSpec("mbconv", 5, 32, expansion=4.0, se=True))
        ),
        StageSpec("stage3", (BlockSpec("residual", 3, 64, 2),)),
    ),
    exits=(ExitSpec("stage1", (BlockSpec("conv", 3, 16, 2),)), ExitSpec("stage2", ())),
    final=FinalSpec(0, 0, "relu"),
)
"""The anchor network, timed with every round of every profile: never change it."""
ANCHOR_TASK = classification(3, 10)


def network_runner(network: EarlyExitNetwork, target: Target) -> Runner:
    """Return a network in the runtime in which it is deployed."""
    if target.runtime == "onnxruntime":
        return onnx_network_runner(network, target.threads)
    return _torch_runner(network.eval().segments(), network.input.shape, target)


def _torch_runner(segments: Sequence[ExitSegment], shape: tuple[int, ...], target: Target) -> Runner:
    """Return segments in evaluation mode as the target runs them: call by call, or as CUDA graphs."""
    device, dtype = torch.device(target.device), target.torch_dtype
    if target.cuda_graphs:
        return graph_segments_runner(segments, device, dtype, (target.batch_size, *shape))
    return torch_segments_runner(segments, device, dtype)


class NetworkClock:
    """One network, ready to be timed to each exit."""

    def __init__(self, runner: Runner, shape: tuple[int, ...], batch_size: int) -> None:
        """Time a runner on fixed images.

        Args:
            runner: The network.
            shape: Of one image, ``(channels, height, width)``.
            batch_size: Images of one call.
        """
        self._runner = runner
        self._images = np.random.default_rng(0).standard_normal((batch_size, *shape), np.float32)

    @property
    def exits(self) -> int:
        """Return the number of exits."""
        return self._runner.exits

    def sample_ns(self) -> FloatArray:
        """Return the median time of runs that stop at each exit, shape ``(exits,)``."""
        return np.array([self.stop_ns(exit_) for exit_ in range(self.exits)])

    def full_ns(self) -> float:
        """Return the median time of runs to the last exit."""
        return self.stop_ns(self.exits - 1)

    def stop_ns(self, exit_: int) -> float:
        """Return the median time of some runs that stop at one exit.

        Runs of one kind follow each other, so that they find in the cache what such a run leaves there:
        images that leave early do not push the first segments out.
        """
        warm = min(self._runner.stop_ns(self._images, exit_) for _ in range(WARM_UP))
        count = int(np.clip(PASSES_NS / max(warm, 1), MIN_PASSES, MAX_PASSES))
        return float(np.median([self._runner.stop_ns(self._images, exit_) for _ in range(count)]))


def network_clock(architecture: Architecture, task: Task, target: Target) -> NetworkClock:
    """Return the clock of a freshly initialised network: weights do not change its time."""
    network = EarlyExitNetwork(architecture, task)
    shape = network.input.shape
    return NetworkClock(network_runner(network, target), shape, target.batch_size)


def anchor_clock(target: Target) -> NetworkClock:
    """Return the clock of the anchor network."""
    return network_clock(ANCHOR_NETWORK, ANCHOR_TASK, target)


def measure_overhead(target: Target) -> Overhead:
    """Return the time that the runner itself takes, measured on segments that compute next to nothing."""
    clock = _empty_network(target)
    reach = np.median([clock.sample_ns() for _ in range(ROUNDS)], axis=0) / 1e6
    # of three segments the first two decide, the last does not
    segment = float(reach[2] - reach[1])
    decision = float(reach[1] - reach[0]) - segment
    overheads = {
        "entry_ms": float(reach[0]) - segment - decision,
        "segment_ms": segment,
        "decision_ms": decision,
    }
    return Overhead(**{name: max(value, 0.0) for name, value in overheads.items()})


def _empty_network(target: Target) -> NetworkClock:
    """Return a network whose segments pass a tiny tensor on and answer with its mean."""
    channels, size = 1, 2
    torch_segments = []
    for _ in range(EMPTY_SEGMENTS):
        segment = ExitSegment(Segment((), (classifier(image(channels, size), ANCHOR_TASK.classes),)))
        segment.backbone.append(torch.nn.ReLU())
        torch_segments.append(segment.eval())
    shape = (channels, size, size)
    if target.runtime == "onnxruntime":
        graphs = [
            segment_graph(segment_module, (1, *shape), is_read=i < EMPTY_SEGMENTS - 1)
            for i, segment_module in enumerate(torch_segments)
        ]
        runner = onnx_runner([open_session(graph, target.threads) for graph in graphs])
    else:
        runner = _torch_runner(torch_segments, shape, target)
    return NetworkClock(runner, shape, target.batch_size)


def measure_networks(
    clocks: Mapping[str, NetworkClock],
    space: str,
    target: Target,
    anchor_ms: float,
    samples: SampleFile,
    progress: Progress,
) -> list[tuple[FloatArray, FloatArray]]:
    """Return two independent measurements of each network, in ms of runs that stop at each exit.

    Args:
        clocks: The networks, by the key of their architecture.
        space: Name of the search-space file.
        target: For the anchor.
        anchor_ms: Time of the anchor when the layers were measured: results are put on its scale.
        samples: What it holds of these networks counts; every round is added.
        progress: Told after every round.

    Raises:
        HardwareError: The samples cannot be written.
    """
    names = {
        key: [exit_name(space, key, exit_) for exit_ in range(clock.exits)] for key, clock in clocks.items()
    }
    number, anchor = samples.batches, anchor_clock(target)
    rng = np.random.default_rng(number)
    while True:  # a torn round leaves some networks behind: they catch up first
        done = {key: min(len(samples.samples[name]) for name in names[key]) for key in clocks}
        round_ = min(done.values())
        progress(round_, ROUNDS)
        if round_ >= ROUNDS:
            break
        active = [key for key in clocks if done[key] == round_]
        taken = [(ANCHOR_NAME, anchor.full_ns())]
        for i in rng.permutation(len(active)):
            taken += zip(names[active[i]], clocks[active[i]].sample_ns().tolist(), strict=True)
        samples.append([Sample(number, round_, what, value) for what, value in taken])
    anchors = samples.batch_medians(ANCHOR_NAME)
    return [
        (
            _halves(samples, names[key], anchors, anchor_ms, 0),
            _halves(samples, names[key], anchors, anchor_ms, 1),
        )
        for key in clocks
    ]


def _halves(
    samples: SampleFile, names: Sequence[str], anchors: Mapping[int, float], anchor_ms: float, parity: int
) -> FloatArray:
    """Return the medians over even or odd rounds, in ms on the scale of the anchor, ``(exits,)``."""
    return (
        np.array(
            [
                np.median(
                    [
                        sample.value / anchors[sample.batch]
                        for sample in samples.samples[name]
                        if sample.round % 2 == parity
                    ]
                )
                for name in names
            ]
        )
        * anchor_ms
    )


def measured(
    space: str,
    role: Role,
    task: Task,
    architectures: Iterable[Architecture],
    times: Iterable[tuple[FloatArray, FloatArray]],
) -> list[MeasuredNetwork]:
    """Return networks with their times."""
    data = (task.samples.channels, task.classes)
    return [
        MeasuredNetwork(space, role, *data, architecture, tuple(_rounded(first)), tuple(_rounded(second)))
        for architecture, (first, second) in zip(architectures, times, strict=True)
    ]


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
