"""Segments with 8-bit weights and activations: static quantisation by onnxruntime.

Weights per channel, activations per tensor, both as quantise-dequantise pairs (QDQ).  A segment's
ranges come from what the fp32 segments before it hand on; features and logits stay fp32 between
segments, so that one exit policy reads both.  Must not import torch.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from aebnas.deploy.segments import Inputs, SegmentChain
from aebnas.errors import RunError

BATCH = 50
"""Images of one calibration call."""
ANSWERS = ["Gemm", "MatMul", "Add"]
"""Operators that may end a graph: their outputs keep fp32, or confidences would come in steps."""


def quantized_graphs(graphs: Sequence[bytes], chain: SegmentChain, images: Inputs) -> list[bytes]:
    """Return INT8 graphs of a network.

    Args:
        graphs: fp32, one per segment.
        chain: The same graphs, open.
        images: Prepared calibrate images ``(n, c, r, r)``, from which the ranges are taken.

    Raises:
        RunError: The folder for temporary files cannot be written.
    """
    starts = range(0, len(images), BATCH)
    quantized = []
    for i, graph in enumerate(graphs):
        feeds = [chain.inputs_of(i, images[start : start + BATCH]) for start in starts]
        try:
            with _quiet():
                quantized.append(_quantized(graph, feeds))
        except OSError as error:
            raise RunError(
                f"cannot write temporary files to {tempfile.gettempdir()}: {error.strerror or error}. "
                "Name another folder: TMPDIR=DIR aebnas export ..."
            ) from error
    return quantized


class _Feeds(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    def __init__(self, feeds: Sequence[dict[str, NDArray[Any]]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next batch; None ends the calibration."""
        return next(self._feeds, None)


def _quantized(graph: bytes, feeds: Sequence[dict[str, NDArray[Any]]]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="aebnas-int8-") as folder:
        prepared, result = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(onnx.load_from_string(graph), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(result),
            _Feeds(feeds),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"OpTypesToExcludeOutputQuantization": ANSWERS},
        )
        return result.read_bytes()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser, which warns on the root logger and prints."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
