"""Networks in eager torch, segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aebnas.nets.network import EarlyExitNetwork, ExitSegment
from aebnas.runtime.onnx_graph import segment_graph
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Images, Logits, Runner
from aebnas.space.api import handed_on


def memory_format(device: torch.device) -> torch.memory_format:
    """Return the layout in which eager torch runs: channels last on GPUs alone.

    On CPUs at batch 1 the conversions cost more than the convolutions gain.
    """
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


class TorchPart:
    """One segment in eager torch; what is handed on are the features and the logits."""

    def __init__(self, segment: ExitSegment) -> None:
        """Wrap a segment in evaluation mode."""
        self._segment = segment

    def __call__(self, features: Any, image: Any) -> tuple[tuple[Tensor, Tensor], Logits]:
        """Return the next features with the logits, and the logits; on GPUs this waits for them."""
        with torch.inference_mode():
            x, earlier = features
            x, logits = self._segment(image[0] if self._segment.reads_image else x, earlier)
            return (x, logits), logits.float().cpu().numpy()


def torch_runner(
    network: EarlyExitNetwork, device: torch.device, dtype: torch.dtype = torch.float32
) -> Runner:
    """Return the runner of a network in eager torch.

    Args:
        network: Moved to the device and into evaluation mode.
        device: Where to run.
        dtype: Of weights and activations.
    """
    network.eval()
    return torch_segments_runner(network.segments(), device, dtype)


def torch_segments_runner(
    segments: Sequence[ExitSegment], device: torch.device, dtype: torch.dtype
) -> Runner:
    """Return the runner of segments in evaluation mode; they are moved to the device."""
    layout = memory_format(device)
    for segment in segments:
        segment.to(device, dtype, memory_format=layout)  # type: ignore[call-overload]

    def enter(images: Images) -> tuple[Tensor, None]:
        return torch.from_numpy(images).to(device, dtype, memory_format=layout), None

    return Runner([TorchPart(part) for part in segments], enter)


def network_graphs(network: EarlyExitNetwork) -> list[bytes]:
    """Return one ONNX model per segment of a network on the CPU."""
    graphs = []
    features = image = network.input.tensor
    for segment, plan, is_read in zip(network.segments(), network.plan, handed_on(network.plan), strict=True):
        features = image if segment.reads_image else features
        graphs.append(segment_graph(segment, (1, *features.shape), is_read))
        if plan.backbone:
            features = plan.backbone[-1].output
    return graphs


def onnx_network_runner(network: EarlyExitNetwork, threads: int = 1) -> Runner:
    """Return the onnxruntime runner of a network on the CPU."""
    return onnx_runner([open_session(graph, threads) for graph in network_graphs(network)])
