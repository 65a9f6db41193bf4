"""Clocks: one layer, ready to run, timed call by call.

``layer_clock`` turns a ``Layer`` into a ``Clock``; what is subtracted from it is the mean of the empty
calls at its two ``ends`` (``empty_clock``).  Inputs and outputs stay in the runtime's own memory: no
copies are timed.

In onnxruntime a layer stands between two pointwise convolutions, the *padding convolution* from few channels
to its own and the one from its own to few.  Alone, it would pay for changing the memory layout of its input
and its output, which inside a network only the ends of a segment pay, and an addition to its own input
or an activation at its end could not be fused.  An empty call of a shape is the two padding convolutions of
that shape without anything between: half of it belongs to each end, and what halves get wrong
(the first may take longer than the second) one layer of a chain gets too much and the next too little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.hardware.devices.clock import Clock
from aebnas.hardware.devices.target import Target
from aebnas.nets.initial_weights import initialise
from aebnas.runtime.onnx_graph import onnx_graph
from aebnas.runtime.onnx_session import CPU, INPUT, open_session
from aebnas.runtime.torch_segments import memory_format

OUTPUT = "y"
OUTER_CHANNELS = 16
"""Of the input of the first padding convolution and the output of the second."""
IMAGE_CHANNELS = 3
"""What has no more is taken for an image: it comes as it is, in a network too."""
End = TensorSpec
"""One side of a layer: what it reads, or what it writes."""
OUTSIDE: End = image(0, 0)
"""Nothing stands at this end: an image comes in, few channels go from layer to layer, or logits go out."""


def ends(layer: Layer, target: Target) -> tuple[End, End]:
    """Return the two ends whose empty calls, half each, are subtracted from a layer's time."""
    first = layer.input
    if target.runtime != "onnxruntime":
        return first, first
    # the same at both sides of a joint: a layer of few channels has no padding behind it, for the next has
    # none before it
    before, after = (
        OUTSIDE if end.channels <= IMAGE_CHANNELS or not end.size else end for end in (first, layer.output)
    )
    return before, after


def layer_clock(layer: Layer, target: Target) -> Clock:
    """Return the clock of a layer in the target's runtime, with the target's batch size."""
    module = layer.build()
    initialise(module)
    if target.runtime != "onnxruntime":
        return torch_clock(module, (target.batch_size, *layer.input.shape), target)
    before, after = ends(layer, target)
    parts = [*_padding_before(before), module, *_padding_after(after)]
    channels = layer.in_channels if before == OUTSIDE else OUTER_CHANNELS
    return _onnx_clock(parts, layer.input.with_channels(channels), target)


def empty_clock(end: End, target: Target) -> Clock:
    """Return the clock of an empty call: of the two padding convolutions, in torch of passing an input on.

    ``OUTSIDE``: a session that does next to nothing.
    """
    if target.runtime != "onnxruntime":
        return torch_clock(nn.Identity(), (target.batch_size, *end.shape), target)
    if end == OUTSIDE:
        return _onnx_clock([nn.ReLU()], image(1, 1), target)
    return _onnx_clock(
        [*_padding_before(end), *_padding_after(end)], end.with_channels(OUTER_CHANNELS), target
    )


def _padding_before(end: End) -> list[nn.Module]:
    return [] if end == OUTSIDE else [_pointwise(OUTER_CHANNELS, end.channels, end), nn.ReLU()]


def _padding_after(end: End) -> list[nn.Module]:
    return [] if end == OUTSIDE else [_pointwise(end.channels, OUTER_CHANNELS, end)]


def _pointwise(channels: int, outputs: int, end: End) -> nn.Module:
    """Return a convolution of one pixel, which mixes only the channels."""
    return nn.Linear(channels, outputs) if end.channels_last else nn.Conv2d(channels, outputs, 1)


def _onnx_clock(parts: list[nn.Module], features: TensorSpec, target: Target) -> Clock:
    shape = (target.batch_size, *features.shape)
    graph = onnx_graph(nn.Sequential(*parts), shape, [OUTPUT])
    return _session_clock(open_session(graph, target.threads), shape)


def _session_clock(session: Any, shape: tuple[int, ...]) -> Clock:
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input(INPUT, ort.OrtValue.ortvalue_from_numpy(x))
    binding.bind_output(OUTPUT, CPU)
    run = session.run_with_iobinding
    return calls_on_the_cpu(lambda: run(binding))


def calls_on_the_cpu(call: Callable[[], object]) -> Clock:
    """Return a clock of single calls that are finished when they return."""

    def clock(calls: int) -> NDArray[np.float64]:
        now = time.perf_counter_ns
        samples = np.empty(calls)
        for i in range(calls):
            started = now()
            call()
            samples[i] = now() - started
        return samples

    return clock


def torch_clock(module: nn.Module, shape: tuple[int, ...], target: Target) -> Clock:
    """Return the clock of a module in eager torch, or of its CUDA graph."""
    device = torch.device(target.device)
    layout = memory_format(device)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=generator).to(device, target.torch_dtype, memory_format=layout)
    module.eval().to(device, target.torch_dtype, memory_format=layout)  # type: ignore[call-overload]
    if device.type == "cpu":
        return calls_on_the_cpu(_inference(module, x))
    from aebnas.hardware.measure.cuda_clock import event_clock, graph_clock

    return graph_clock(module, x) if target.cuda_graphs else event_clock(module, x)


def _inference(module: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    def call() -> object:
        with torch.inference_mode():
            return module(x)

    return call
