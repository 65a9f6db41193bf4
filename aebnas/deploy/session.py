"""``EarlyExitSession``: an exported network that really stops, with numpy, Pillow and onnxruntime alone.

Must not import torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.folder import fitting_policy, load_export
from aebnas.deploy.images import ImageLike, Pixels, to_pixels
from aebnas.deploy.preprocessing import Preprocessing
from aebnas.deploy.segments import Inputs, Logits
from aebnas.errors import AebnasError, DataError, RunError
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.online import FEW_CLASSES, online


class Prediction(NamedTuple):
    """What the network says about one image."""

    class_index: int
    """Of the class, an index into ``EarlyExitSession.labels``."""
    label: str
    """Name of the class."""
    confidence: float
    """Softmax probability of the class at the exit that answered, 0 to 1."""
    exit: int
    """Index of that exit; the last one is ``EarlyExitSession.exits - 1``."""
    exit_name: str
    """The stage it follows, or ``final``."""
    milliseconds: float
    """From prepared input to decision; in a batch, since the batch began.  Decoding, resizing and
    normalising are not counted."""


class EarlyExitSession:
    """An exported network, loaded once and asked often.

    Not for several threads at once: give each a session of its own.

    Example:
        >>> session = EarlyExitSession("exported")  # doctest: +SKIP
        >>> session.predict("cat.jpg").label  # doctest: +SKIP
        'cat'
    """

    def __init__(
        self,
        folder: str | Path,
        threads: int = 1,
        policy: ExitPolicy | None = None,
        allow_code: bool = False,
    ) -> None:
        """Read and check an export folder.

        Args:
            folder: As ``aebnas export`` wrote it.
            threads: Threads inside one operator; 1 is best for small networks.
            policy: Decides instead of the exported one.
            allow_code: Run code from outside that came with the folder, where its exit policy is such code:
                only if you wrote or have read it. This process may then run such code until it ends.

        Raises:
            RunError: A file is missing, damaged, edited or does not fit the others.
            CodeRefusedError: It decides by code that is not allowed.
        """
        model = load_export(Path(folder), threads, allow_code)
        self.manifest, self.labels = model.manifest, model.labels
        self._folder, self._chain = model.folder, model.chain
        if policy is not None:
            fitting_policy(policy, len(model.chain), "the given policy")
        self.policy: ExitPolicy = model.policy if policy is None else policy
        self._decide = online(self.policy)
        self._stopper = model.chain.stopper(self.policy)
        manifest = self.manifest
        self._exit_names = manifest.exits
        self._prepare = Preprocessing(manifest.shape, manifest.spec)

    @property
    def exits(self) -> int:
        """Number of exits, the final classifier included."""
        return len(self._chain)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one prepared input."""
        channels, height, width = self.manifest.spec.shape
        return channels, height, width

    def prepare(self, image: ImageLike) -> Inputs:
        """Return the input ``(1, c, height, width)`` for a file, Pillow image or uint8 array ``(h, w[, c])``.

        Raises:
            DataError: It is no image, damaged, refused as too large, or of another type.
        """
        pixels = to_pixels(image, self.manifest.shape, self.manifest.sixteen_bit_depth)
        return self._prepare(pixels[np.newaxis])

    def prepare_all(self, images: Pixels) -> Inputs:
        """Return the inputs of uint8 pixels ``(n, h, w, c)`` of the trained shape.

        Raises:
            DataError: The array is another one.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.manifest.shape:
            raise DataError(
                f"images must be uint8 of shape (n, {', '.join(map(str, self.manifest.shape))}), "
                f"but got {images.dtype} of shape {images.shape}"
            )
        return self._prepare(images)

    def predict(self, image: ImageLike | Inputs) -> Prediction:
        """Return the answer for one image.

        Args:
            image: A file, a Pillow image, a uint8 array ``(h, w)`` or ``(h, w, c)`` of any size, or a
                prepared float32 array ``(c, height, width)`` or ``(1, c, height, width)``.

        Raises:
            DataError: It is no image, or the array is another one.
            RunError: onnxruntime cannot run a graph.
        """
        return self.answer(self._as_input(image))

    def answer(self, x: Inputs) -> Prediction:
        """Return the answer for one prepared input ``(1, c, height, width)`` that is known to be sound.

        Raises:
            DataError: The network says NaN.
            RunError: onnxruntime cannot run a graph.
        """
        started = time.perf_counter_ns()
        try:
            answer = self._stopper(x)
        except AebnasError:
            raise
        except Exception as error:  # onnxruntime's own classes are not public
            raise self._cannot_run(error) from error
        spent = (time.perf_counter_ns() - started) / 1e6
        return self._prediction(answer.logits[0], answer.exit, spent)

    def predict_batch(self, images: Sequence[ImageLike] | Pixels | Inputs) -> list[Prediction]:
        """Return the answers for a batch; images that left are dropped before the next segment.

        Args:
            images: Anything ``predict`` takes, in a list; or uint8 pixels ``(n, h, w, c)`` of the trained
                shape; or prepared float32 inputs ``(n, c, height, width)``.

        Raises:
            DataError: One is no image, or the array is another one.
            RunError: onnxruntime cannot run a graph.
        """
        if not len(images):
            return []
        x = self._as_inputs(images)
        try:
            answer = self._chain.batch(x, self._decide)
        except AebnasError:
            raise
        except Exception as error:  # onnxruntime's own classes are not public
            raise self._cannot_run(error) from error
        exits, ms = answer.exits.tolist(), answer.ms.tolist()
        return [self._prediction(answer.logits[i], exits[i], ms[i]) for i in range(len(x))]

    def _prediction(self, logits: Logits, exit_index: int, ms: float) -> Prediction:
        index, confidence = most_likely(logits)
        if math.isnan(confidence):
            raise DataError(f"{self._folder}: the network answers NaN at exit {exit_index + 1}")
        return Prediction(index, self.labels[index], confidence, exit_index, self._exit_names[exit_index], ms)

    def _as_input(self, image: ImageLike | Inputs) -> Inputs:
        if isinstance(image, np.ndarray) and image.dtype.kind == "f":
            return self._checked(image[np.newaxis] if image.ndim == 3 else image, 1)
        return self.prepare(image)

    def _as_inputs(self, images: Sequence[ImageLike] | NDArray[Any]) -> Inputs:
        if isinstance(images, np.ndarray):
            return (
                self._checked(images, len(images)) if images.dtype.kind == "f" else self.prepare_all(images)
            )
        return np.concatenate([self._as_input(image) for image in images])

    def _checked(self, x: NDArray[Any], count: int) -> Inputs:
        """Return prepared inputs; NaN would answer something, silently.

        Raises:
            DataError: The shape is another one, or a value is not finite.
        """
        if x.shape != (count, *self.input_shape):
            raise DataError(
                f"prepared inputs must have shape ({count}, {', '.join(map(str, self.input_shape))}), "
                f"but got {x.shape}; pixels must be uint8"
            )
        if not np.isfinite(x).all():
            raise DataError("prepared inputs must be finite, but one has NaN or infinite values")
        return np.ascontiguousarray(x, np.float32)

    def _cannot_run(self, error: Exception) -> RunError:
        text = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return RunError(f"{self._folder}: onnxruntime cannot run a graph ({text}); export it again")


def most_likely(logits: Logits) -> tuple[int, float]:
    """Return the class of the largest of logits ``(classes,)``, and its softmax probability."""
    if len(logits) > FEW_CLASSES:
        index = int(logits.argmax())
        return index, 1.0 / float(np.exp(logits.astype(np.float64) - logits[index]).sum())
    row: list[float] = logits.tolist()  # plain floats: 1 us where numpy takes 4 us for ten classes
    top = max(row)
    return row.index(top), 1.0 / sum([math.exp(value - top) for value in row])
