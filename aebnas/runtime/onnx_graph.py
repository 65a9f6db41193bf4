"""From torch modules to ONNX graphs, with a free batch dimension."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from aebnas.nets.network import BoostedSegment, ExitSegment
from aebnas.runtime.onnx_session import EARLIER, FEATURES, IMAGE, INPUT, LOGITS

OPSET = 17


class AnsweringSegment(nn.Module):
    """A segment whose features nobody needs: the last, or one before a segment that reads the image."""

    def __init__(self, segment: ExitSegment) -> None:
        """Wrap a segment."""
        super().__init__()
        self.segment = segment

    def forward(self, x: Tensor, earlier: Tensor | None = None) -> Tensor:
        """Return the logits ``(batch, classes)``."""
        logits: Tensor = self.segment(x, earlier)[1]
        return logits


def onnx_graph(
    module: nn.Module,
    shape: Sequence[int],
    outputs: Sequence[str],
    more_inputs: Mapping[str, Sequence[int]] | None = None,
    name: str = INPUT,
) -> bytes:
    """Return the ONNX model of a module in evaluation mode.

    Args:
        module: On the CPU, fp32; put into evaluation mode.
        shape: Of one input, batch included: ``(batch, channels, height, width)``.
        outputs: Names of the outputs.
        more_inputs: Names and shapes of the inputs behind the first.
        name: Of the first input.

    torch's TorchScript exporter is deprecated but takes 20 ms where the dynamo one takes a
    second; a profile exports thousands of layers.
    """
    inputs = {name: shape, **(more_inputs or {})}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(torch.zeros(*input_shape) for input_shape in inputs.values()),
            buffer,  # type: ignore[arg-type]  # the TorchScript exporter writes into it
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
        )
    return buffer.getvalue()


def segment_graph(segment: ExitSegment, shape: Sequence[int], is_read: bool) -> bytes:
    """Return the ONNX model of a segment: ``features``, where the one behind reads them, and ``logits``.

    Its input is called ``x``, or ``image`` where it reads the image again.

    A boosted segment has a second input, ``earlier``: the logits of the segment before.
    """
    earlier = {EARLIER: (shape[0], segment.classes)} if isinstance(segment, BoostedSegment) else None
    name = IMAGE if segment.reads_image else INPUT
    if is_read:
        return onnx_graph(segment, shape, [FEATURES, LOGITS], earlier, name)
    return onnx_graph(AnsweringSegment(segment), shape, [LOGITS], earlier, name)
