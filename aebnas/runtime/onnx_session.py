"""onnxruntime sessions and parts.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from aebnas.runtime.runner import Images, Logits, Runner

INPUT, IMAGE, EARLIER, FEATURES, LOGITS = "x", "image", "earlier", "features", "logits"
"""Names of a segment's inputs and outputs; a later segment that begins with the image calls it ``image``."""
WARNINGS_OFF = 3
CPU = "cpu"
COPIED_BYTES = 2**16
"""Images up to this size are copied, 1 us; larger ones are used where they lie, 2 us."""


def open_session(graph: bytes, threads: int = 1) -> Any:
    """Return an ``InferenceSession`` on the CPU.

    Args:
        graph: A serialised ONNX model.
        threads: Threads inside one operator.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = WARNINGS_OFF
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class OnnxPart:
    """One segment as a session whose outputs stay where they are from call to call.

    Bound inputs and outputs spare the copies between Python and onnxruntime, and what is bound once
    need not be asked for again: a call hands nothing over but the word to run.
    """

    def __init__(self, session: Any) -> None:
        """Wrap a session: ``x`` or ``image`` in, ``features`` (optional) and ``logits`` out."""
        self.session = session
        self._reads_image = reads_image(session)
        self._binding = session.io_binding()
        self._names = [output.name for output in session.get_outputs()]
        self._has_features = FEATURES in self._names
        self._bound: dict[str, Any] = {}
        self._outputs: tuple[Any, Any, Logits] | None = None
        """Features (None: the last) and logits as ``OrtValue``, and these logits as an array."""

    def bind_outputs(self) -> None:
        """Let go of the outputs' memory: it is of one batch size."""
        self._outputs = None
        self._binding.clear_binding_outputs()
        for name in self._names:
            self._binding.bind_output(name, CPU)

    def __call__(self, features: Any, image: Any) -> tuple[Any, Logits]:
        """Return the next features as an ``OrtValue`` (None: nobody reads them) and the logits.

        Both are overwritten by the next call.
        """
        inputs = {IMAGE: image} if self._reads_image else {INPUT: features}
        next_features, _, logits = self._run(inputs)
        return next_features, logits

    def _run(self, inputs: dict[str, Any]) -> tuple[Any, Any, Logits]:
        for name, value in inputs.items():
            if self._bound.get(name) is not value:
                self._binding.bind_ortvalue_input(name, value)
                self._bound[name] = value
        self.session.run_with_iobinding(self._binding)
        if self._outputs is None:
            self._outputs = self._kept_outputs()
        return self._outputs

    def _kept_outputs(self) -> tuple[Any, Any, Logits]:
        """Bind the memory that the outputs have just got for good, and return it."""
        values = self._binding.get_outputs()
        for name, value in zip(self._names, values, strict=True):
            self._binding.bind_ortvalue_output(name, value)
        logits = values[-1]
        return (values[0] if self._has_features else None), logits, logits.numpy()


class BoostedOnnxPart(OnnxPart):
    """One session of a boosted network; what is handed on are the features and the logits."""

    def __init__(self, session: Any) -> None:
        """Wrap a session with input ``x``, and ``earlier`` for all but the first."""
        super().__init__(session)
        self._takes_earlier = takes_earlier(session)

    def __call__(self, features: Any, image: Any) -> tuple[Any, Logits]:
        """Return the next features with the logits, and the logits."""
        x, earlier = features
        inputs = {IMAGE: image[0]} if self._reads_image else {INPUT: x}
        if self._takes_earlier:
            inputs[EARLIER] = earlier
        next_x, value, logits = self._run(inputs)
        return (next_x, value), logits


def takes_earlier(session: Any) -> bool:
    """Return whether a session needs the logits of the segment before."""
    return any(tensor.name == EARLIER for tensor in session.get_inputs())


def reads_image(session: Any) -> bool:
    """Return whether a session begins with the image although it is not the first."""
    return any(tensor.name == IMAGE for tensor in session.get_inputs())


def onnx_runner(sessions: Sequence[Any]) -> Runner:
    """Return the runner of a network's sessions, one per segment in order."""
    if any(takes_earlier(session) for session in sessions):
        boosted = [BoostedOnnxPart(session) for session in sessions]
        entry = _Entry(boosted)
        return Runner(boosted, lambda images: (entry(images), None))
    parts = [OnnxPart(session) for session in sessions]
    return Runner(parts, _Entry(parts))


class _Entry:
    """Images into onnxruntime; another batch size than before needs other memory for inputs and outputs.

    Small images are copied to where the first session looks for them: that takes less than to tell it
    another place.
    """

    def __init__(self, parts: Sequence[OnnxPart]) -> None:
        self._parts = parts
        self._batch_size = 0
        self._place: Images | None = None
        self._value: Any = None

    def __call__(self, images: Images) -> Any:
        if len(images) != self._batch_size:
            for part in self._parts:
                part.bind_outputs()
            self._batch_size = len(images)
        if images.nbytes > COPIED_BYTES or images.dtype != np.float32:
            return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(images))
        if self._place is None or self._place.shape != images.shape:
            self._place = np.empty(images.shape, np.float32)
            self._value = ort.OrtValue.ortvalue_from_numpy(self._place)
        np.copyto(self._place, images)
        return self._value
