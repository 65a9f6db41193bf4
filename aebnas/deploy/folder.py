"""Reading an export folder: every file checked before it is used.

Must not import torch.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.manifest import CURE, LABELS, POLICY, SAMPLES, Manifest, read_checked, read_manifest
from aebnas.deploy.policy_code import CODE, take_code
from aebnas.deploy.segments import SegmentChain
from aebnas.errors import AebnasError, CodeError, RunError
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.policies.table import policy_from_dict
from aebnas.extensions.consent import without_code
from aebnas.runtime.onnx_session import EARLIER, FEATURES, IMAGE, INPUT, LOGITS, open_session
from aebnas.space.api import Segment, handed_on
from aebnas.space.architecture import StagedArchitecture

FLOAT = "tensor(float)"
SAMPLE_ARRAYS = ("images", "labels", "classes", "exits")
Shape = list[int | None]
"""Of one image; None where a graph leaves it open."""


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """An export folder in memory."""

    folder: Path
    manifest: Manifest
    labels: tuple[str, ...]
    policy: ExitPolicy
    chain: SegmentChain


def load_export(folder: Path, threads: int = 1, allow_code: bool = False) -> ExportedModel:
    """Read and check an export folder.

    Args:
        folder: As ``aebnas export`` wrote it.
        threads: Threads inside one operator.
        allow_code: Whether code from outside that came with it, and decides, may be run.

    Raises:
        RunError: A file is missing, damaged, edited or does not fit the others.
        CodeRefusedError: It decides by code that is not allowed.
    """
    manifest = read_manifest(folder)
    contents = {file.name: read_checked(folder, manifest, file.name) for file in manifest.files}
    labels = _labels(folder / LABELS, contents[LABELS], manifest)
    if manifest.code:
        take_code(folder, contents[CODE], manifest.code, allow_code)
    policy = _policy(folder / POLICY, contents[POLICY], manifest)
    sessions = [_session(folder / name, contents[name], threads) for name in manifest.segments]
    shape: Shape = list(manifest.spec.shape)
    with without_code():  # blocks came as graphs, not as code: of them sizes alone are asked
        plan = _plan(manifest, sessions)
        for i, (name, session) in enumerate(zip(manifest.segments, sessions, strict=True)):
            shape = _checked_shapes(folder / name, session, shape, i, plan, manifest)
    return ExportedModel(folder, manifest, labels, policy, SegmentChain(sessions))


def _plan(manifest: Manifest, sessions: Sequence[Any]) -> Sequence[Segment]:
    """Return the segments; of networks that users brought, whose code is not run, what graphs say."""
    if isinstance(manifest.architecture, StagedArchitecture):
        return manifest.architecture.segments(manifest.task)
    again = [any(tensor.name == IMAGE for tensor in session.get_inputs()) for session in sessions]
    return [Segment((), (), reads="image" if is_again else "features") for is_again in again]


def read_samples(folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    """Return stored images, with ``labels``, and ``classes`` and ``exits`` as answered while exporting.

    Raises:
        RunError: There are none, or the file is damaged.
    """
    path = folder / SAMPLES
    if all(file.name != SAMPLES for file in manifest.files):
        raise RunError(
            f"{folder} has no stored images; name image files, or export again without --samples 0"
        )
    content = read_checked(folder, manifest, SAMPLES)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in SAMPLE_ARRAYS}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{path} is damaged ({_first_line(error)}); {CURE}") from error
    images = arrays["images"]
    if images.dtype != np.uint8 or images.shape[1:] != manifest.shape or not len(images):
        raise RunError(
            f"{path}: images are {images.dtype} of shape {images.shape}, expected uint8 (n, h, w, c)"
        )
    wrong = [name for name in SAMPLE_ARRAYS[1:] if arrays[name].shape != (len(images),)]
    if wrong:
        raise RunError(
            f"{path}: {wrong[0]} has shape {arrays[wrong[0]].shape}, expected ({len(images)},); {CURE}"
        )
    return arrays


def _session(path: Path, graph: bytes, threads: int) -> Any:
    try:
        return open_session(graph, threads)
    except Exception as error:  # onnxruntime's own classes are not public
        raise RunError(f"{path}: onnxruntime cannot read it ({_first_line(error)}); {CURE}") from error


def _checked_shapes(
    path: Path, session: Any, shape: Shape, index: int, plan: Sequence[Segment], manifest: Manifest
) -> Shape:
    """Check one graph's inputs and outputs; return the shape of its features.

    Raises:
        RunError: A name, type or shape is not what the network needs there.
    """
    first = IMAGE if plan[index].reads == "image" else INPUT
    inputs, outputs = _tensors(session.get_inputs()), _tensors(session.get_outputs())
    needed = {first, EARLIER} if EARLIER in inputs and index else {first}
    promised = {FEATURES, LOGITS} if handed_on(plan)[index] else {LOGITS}
    for kind, tensors, names in (("inputs", inputs, needed), ("outputs", outputs, promised)):
        if set(tensors) != names:
            raise RunError(
                f"{path}: segment {index + 1} of {len(manifest.segments)} must have {kind} "
                f"{', '.join(sorted(names))}, but has {', '.join(sorted(tensors)) or 'none'}; {CURE}"
            )
    classes: Shape = [manifest.classes]
    expected: dict[str, Shape] = {
        INPUT: shape,
        IMAGE: list(manifest.spec.shape),
        EARLIER: classes,
        LOGITS: classes,
    }
    for name, (kind, found_shape) in {**inputs, **outputs}.items():
        if kind != FLOAT or (name in expected and not _fits(found_shape, expected[name])):
            raise RunError(
                f"{path}: {name} has type {kind} and shape {found_shape} per image, "
                f"expected {FLOAT} and {expected.get(name, 'any')}; {CURE}"
            )
    return outputs[FEATURES][1] if FEATURES in outputs else []


def _tensors(tensors: Any) -> dict[str, tuple[str, Shape]]:
    """Return type and shape of one image, by name; other than batched tensors have shape ``[-1]``."""
    return {
        tensor.name: (
            tensor.type,
            [size if isinstance(size, int) else None for size in tensor.shape[1:]] if tensor.shape else [-1],
        )
        for tensor in tensors
    }


def _fits(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
    )


def _labels(path: Path, content: bytes, manifest: Manifest) -> tuple[str, ...]:
    labels = _json(path, content)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise RunError(f"{path} must be a list of names; {CURE}")
    if len(labels) != manifest.classes:
        raise RunError(
            f"{path} has {len(labels)} names, but the network has {manifest.classes} classes; {CURE}"
        )
    return tuple(labels)


def _policy(path: Path, content: bytes, manifest: Manifest) -> ExitPolicy:
    plain = _json(path, content)
    if not isinstance(plain, dict):
        raise RunError(f"{path} must be an object with a field policy; {CURE}")
    try:
        policy = policy_from_dict(plain)
    except CodeError:
        raise
    except (AebnasError, TypeError, ValueError) as error:
        raise RunError(f"{path}: {error}; {CURE}") from error
    return fitting_policy(policy, len(manifest.segments), str(path))


def fitting_policy(policy: ExitPolicy, exits: int, where: str) -> ExitPolicy:
    """Return a policy that decides for a network.

    Raises:
        RunError: It decides for another number of exits.
    """
    if policy.exits != exits:
        raise RunError(f"{where}: decides for {policy.exits} exits, but the network has {exits}")
    return policy


def _json(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is no JSON ({_first_line(error)}); {CURE}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
