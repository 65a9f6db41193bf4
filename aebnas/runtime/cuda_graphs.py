"""CUDA graphs: calls recorded once and replayed, so that launching their kernels costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from aebnas.nets.network import ExitSegment
from aebnas.runtime.runner import Images, Logits, Runner
from aebnas.runtime.torch_segments import memory_format

Found = TypeVar("Found")
WARM_UP = 3
"""Calls on a side stream before a graph may be captured."""


class CapturedCall(Generic[Found]):
    """A call as a CUDA graph.

    A graph remembers addresses, not tensors: the call is kept, and with it all that it reads and writes.
    """

    def __init__(self, call: Callable[[], Found], device: torch.device) -> None:
        """Record a call.

        Args:
            call: Launches at least one kernel, and works on tensors that stay where they are.
            device: That of the tensors.
        """
        side = torch.cuda.Stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.inference_mode(), torch.cuda.stream(side):
            for _ in range(WARM_UP):
                call()
        torch.cuda.current_stream(device).wait_stream(side)
        self._call = call
        self._graph = torch.cuda.CUDAGraph()
        # on the side stream: the default one of a capture belongs to the current device, not to this one
        with torch.cuda.device(device), torch.inference_mode(), torch.cuda.graph(self._graph, stream=side):
            self.found = call()
        """What the call returned: every replay writes there."""

    def replay(self) -> None:
        """Launch the kernels of the call."""
        self._graph.replay()


class GraphPart:
    """One segment as a CUDA graph.

    What it hands on stays on the device, where the part behind it reads it: parts run in their order.
    """

    def __init__(self, segment: ExitSegment, features: Tensor, earlier: Tensor | None) -> None:
        """Record a segment in evaluation mode.

        Args:
            segment: On the device of the features.
            features: The image, or ``features`` of the part before.
            earlier: ``logits`` of the part before, if there is one.
        """

        def call() -> tuple[Tensor, Tensor, Tensor]:
            after, logits = segment(features, earlier)
            return after, logits, logits.float()

        self._recorded = CapturedCall(call, features.device)
        self.features, self.logits, self._answer = self._recorded.found

    def __call__(self, features: Any, image: Any) -> tuple[None, Logits]:
        """Replay the segment; return its logits, for which this waits."""
        self._recorded.replay()
        return None, self._answer.cpu().numpy()


def graph_segments_runner(
    segments: Sequence[ExitSegment],
    device: torch.device,
    dtype: torch.dtype,
    shape: tuple[int, ...],
) -> Runner:
    """Return the runner of segments in evaluation mode as CUDA graphs; they are moved to the device.

    Args:
        segments: In order.
        device: A GPU.
        dtype: Of weights and activations.
        shape: Of the images of every call, ``(batch, channels, h, w)``; a call with others raises ValueError.
    """
    layout = memory_format(device)
    image = torch.zeros(shape).to(device, dtype, memory_format=layout)
    parts: list[GraphPart] = []
    features, earlier = image, None
    for segment in segments:
        segment.to(device, dtype, memory_format=layout)  # type: ignore[call-overload]
        part = GraphPart(segment, image if segment.reads_image else features, earlier)
        parts.append(part)
        features, earlier = part.features, part.logits

    def enter(images: Images) -> None:
        if images.shape != shape:
            raise ValueError(f"these graphs are for images of shape {shape}, but got {images.shape}")
        image.copy_(torch.from_numpy(images))

    return Runner(parts, enter)
