"""``model.json``: what an export folder holds, where it comes from, and the checksums of its files.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.config.choices import Frozen, Items
from aebnas.config.model_file import read_model
from aebnas.config.schema import SixteenBitDepth, Text
from aebnas.deploy.policy_code import CODE
from aebnas.errors import RunError
from aebnas.space.spaces import AnyArchitecture
from aebnas.space.unread import UnreadNetwork
from aebnas.task.input_spec import Colours, DType, Fit, InputSpec, checked_normalisation
from aebnas.task.task import Task

FORMAT = 1
"""Version of the folder; raised when a reader of the old one would go wrong."""
MANIFEST, POLICY, LABELS, SAMPLES, CARD = (
    "model.json",
    "policy.json",
    "labels.json",
    "samples.npz",
    "README.md",
)
INT8_FOLDER = "int8"
"""Sub-folder of the quantised twin: an export folder of its own."""
WHAT = "not an export folder. `aebnas export CHECKPOINT DIR` writes them"
CURE = "export it again: aebnas export CHECKPOINT DIR --force"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Channels = Annotated[Items[float], Field(min_length=1, max_length=3)]
PixelCount = Annotated[int, Field(ge=1, le=16384)]


class StoredFile(Frozen):
    """One file of the folder, as it was written."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.[a-z0-9]+$")]
    """In the folder itself; no path."""
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    sha256: Sha256
    """Of its content."""


class InputRecord(Frozen):
    """What the graphs take in, and how an image of ``image_shape`` is brought to it."""

    size: Annotated[Items[PixelCount], Field(min_length=2, max_length=2)]
    """Height and width."""
    mean: Channels
    """By channel of the input, of pixels scaled to 0..1: an input is ``(pixel / 255 - mean) / std``."""
    std: Channels
    """By channel, likewise."""
    fit: Fit
    """Where the sides have another ratio: the middle is taken (crop), or the image distorted (stretch)."""
    colours: Colours
    """Order of the channels."""
    dtype: DType
    """Number format of the input."""

    @classmethod
    def of(cls, spec: InputSpec) -> InputRecord:
        """Return the manifest's record of a network's input."""
        mean, std = spec.known_normalisation
        return cls(size=spec.size, mean=mean, std=std, fit=spec.fit, colours=spec.colours, dtype=spec.dtype)

    def spec(self, channels: int) -> InputSpec:
        """Return the network's input.

        Raises:
            ValueError: The normalisation is not one of so many channels.
        """
        normalisation = checked_normalisation(self.mean, self.std, channels)
        tensor = TensorSpec(channels, tuple(self.size))
        return InputSpec(tensor, normalisation, self.fit, self.colours, self.dtype)


class Parity(Frozen):
    """How the graphs compared with torch while exporting."""

    images: Annotated[int, Field(ge=1)]
    """Calibrate images compared."""
    max_difference: Annotated[float, Field(ge=0)]
    """Largest difference of a logit of any exit."""


class Manifest(Frozen):
    """``model.json``."""

    format: Annotated[int, Field(ge=1)]
    """Version of the folder."""
    aebnas: Text
    """Version of AEBNAS that wrote it."""
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Identity of the architecture."""
    precision: Literal["fp32", "int8"]
    """Number format of weights and activations."""
    is_static: bool
    """Whether it was trained without early exits."""
    architecture: AnyArchitecture
    """What was built."""
    classes: Annotated[int, Field(ge=2)]
    """Number of classes; ``labels.json`` has their names."""
    image_shape: Annotated[Items[PixelCount], Field(min_length=3, max_length=3)]
    """Height, width, channels (1 grey, 3 RGB) that images are brought to first, then to the input."""
    input: InputRecord
    """What the graphs take in."""
    segments: Annotated[Items[Text], Field(min_length=1)]
    """Files of the ONNX graphs, in order; one per exit."""
    exits: Annotated[Items[Text], Field(min_length=1)]
    """Name of each exit: the stage it follows; the last is ``final``."""
    reach_macs: Annotated[Items[float], Field(min_length=1)]
    """MACs of leaving at each exit, heads tried on the way included."""
    parity: Parity | None
    """The check against torch; null for INT8, which is compared by accuracy instead."""
    provenance: dict[str, Any]
    """Run, seed, data and versions of the training."""
    code: dict[str, Sha256]
    """SHA-256 of the code from outside by which it decides, by name; ``code.zip`` holds it."""
    files: Items[StoredFile]
    """Every file of the folder but this one and the model card, which you may edit."""
    sixteen_bit_depth: SixteenBitDepth | None = None
    """Bits that the training's 16-bit files were read with; absent: there were none."""
    checksum: Sha256
    """sha256 of everything above: an edited file is refused."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Manifest:
        if self.format > FORMAT:
            raise ValueError(f"format {self.format} is newer than this AEBNAS reads ({FORMAT}); update it")
        exits = len(self.architecture.exit_names) + 1
        for name, entries in (
            ("segments", self.segments), ("exits", self.exits), ("reach_macs", self.reach_macs),
        ):  # fmt: skip
            if len(entries) != exits:
                raise ValueError(f"{name} needs {exits} entries, one per exit, but got {len(entries)}")
        if self.architecture.key() != self.key:
            raise ValueError(f"key {self.key} belongs to another architecture; {CURE}")
        if self.image_shape[2] not in (1, 3):
            raise ValueError(f"image_shape needs 1 or 3 channels, but got {self.image_shape[2]}")
        is_known = not isinstance(self.architecture, UnreadNetwork)  # a device runs no code of users
        if is_known and self.architecture.input(self.task).tensor != self.spec.tensor:
            raise ValueError(f"input has another size than the architecture; {CURE}")
        named = {file.name for file in self.files}
        needed = (*self.segments, POLICY, LABELS, *([CODE] if self.code else []))
        missing = [name for name in needed if name not in named]
        if missing:
            raise ValueError(f"files lacks {missing[0]}; {CURE}")
        if self.checksum != self.expected_checksum():
            raise ValueError(f"the checksum does not fit the content: it was edited or damaged; {CURE}")
        return self

    @property
    def task(self) -> Task:
        """Return the task: the images' shape and the number of classes."""
        return Task.of_samples(self.image_shape, self.classes)

    @property
    def spec(self) -> InputSpec:
        """Return what the graphs take in."""
        return self.input.spec(self.image_shape[2])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return height, width and channels of the images."""
        height, width, channels = self.image_shape
        return height, width, channels

    def expected_checksum(self) -> str:
        """Return the sha256 of all fields but ``checksum``."""
        fields = self.model_dump(mode="json", exclude={"checksum"})
        if self.sixteen_bit_depth is None:  # absent, as in the exports of before there was such a field
            del fields["sixteen_bit_depth"]
        return checksum_of(fields)


def checksum_of(fields: dict[str, Any]) -> str:
    """Return the sha256 of a manifest's fields, without ``checksum``."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def stored_file(name: str, content: bytes) -> StoredFile:
    """Return the entry of a file."""
    return StoredFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def read_manifest(folder: Path) -> Manifest:
    """Read what an export folder says of itself.

    Raises:
        RunError: There is no such folder, it is no export folder, or ``model.json`` is wrong; one line per
            mistake, with ``FILE:LINE``.
    """
    path = folder / MANIFEST
    try:
        is_there = folder.is_dir(), path.is_file()
    except (OSError, ValueError) as error:  # a folder without permission, a name that is too long
        raise RunError(
            f"{str(folder)!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not is_there[0]:
        raise RunError(f"{folder}: no such folder. `aebnas export CHECKPOINT {folder}` writes it")
    if not is_there[1]:
        raise RunError(f"{path} is missing: this is {WHAT}")
    return read_model(path, Manifest, WHAT, RunError)


def read_checked(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return a file's content, held against its checksum.

    Raises:
        RunError: It is missing, unreadable, unlisted or changed.
    """
    path = folder / name
    listed = next((file for file in manifest.files if file.name == name), None)
    if listed is None:
        raise RunError(f"{folder / MANIFEST} lists no file {name}; {CURE}")
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == listed.size else b""
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}; {CURE}") from error
    if size != listed.size:
        raise RunError(f"{path} was edited or damaged: {size} bytes, expected {listed.size}; {CURE}")
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise RunError(f"{path} was edited or damaged: its checksum is another one; {CURE}")
    return content
