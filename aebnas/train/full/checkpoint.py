"""Checkpoints: one network trained in full, with all that scoring, exporting and running it needs.

DIR/checkpoint.yaml   what was trained, how, on what, and when it leaves
DIR/weights.pt        its weights, fp32 (read with ``weights_only``)
DIR/logits.npz        its logits on calibrate and their labels: policies are refitted from them

``checkpoint.yaml`` knows the sha256 of the other two: a flipped bit in a weight loads like any other
number, and nothing but the answers would tell.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Items
from aebnas.config.model_file import read_model
from aebnas.config.outside import names_in
from aebnas.config.schema import DataConfig, SixteenBitDepth, Text
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import CodeError, DataError, RunError
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.policies.table import policy_from_dict
from aebnas.extensions.consent import code_digest, require_consent
from aebnas.files.yaml_text import yaml_text
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.spaces import AnyArchitecture
from aebnas.task.input_spec import InputSpec, checked_normalisation
from aebnas.task.task import Task

FORMAT = 1
"""Version of the files; raised when a reader of the old one would go wrong."""
FileName = Literal["weights.pt", "logits.npz"]
WEIGHTS: FileName = "weights.pt"
LOGITS: FileName = "logits.npz"
EVALUATION_FILE = "evaluation.json"
"""What ``aebnas evaluate`` said about a checkpoint; deleted when the checkpoint changes."""
WHAT = "no checkpoint. `aebnas train` writes them: runs/NAME/trained/KEY"
CURE = "train it again: aebnas train ... --again"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Channels = Annotated[Items[float], Field(min_length=1, max_length=3)]


class TeacherRecord(Frozen):
    """The teacher of the distillation, and how much the student listened."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Identity of the teacher: its architecture's, of one that a user named its weights' too."""
    name: Text | None = None
    """What the user named: a folder, package.module:Name, ...; null: the largest network of the space."""
    share: Annotated[float, Field(ge=0, le=1)]
    """Of the teacher's soft answers in every exit's loss."""
    temperature: Annotated[float, Field(gt=0, le=100)]
    """Of those answers."""


class Checkpoint(Frozen):
    """``checkpoint.yaml``: one trained network, all but its weights."""

    format: Annotated[int, Field(ge=1)]
    """Version of the file."""
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Identity of the architecture."""
    run: Text
    """Path of the run that found it; of a winner file, its run's name."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of this training."""
    is_static: bool
    """Whether it was trained without early exits, for comparison."""
    architecture: AnyArchitecture
    """What was built; a static one has no exits but the last."""
    data: DataConfig
    """Where the images came from."""
    data_fingerprint: Text
    """Identity of the data and splits."""
    classes: Annotated[Items[Text], Field(min_length=2)]
    """Names; a label is an index into them."""
    image_shape: Annotated[Items[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
    """Height, width, channels of the data's images."""
    mean: Channels
    """By channel, of training pixels scaled to 0..1: where the network brings no normalisation of its own,
    an input is ``(pixel / 255 - mean) / std``."""
    std: Channels
    """By channel, likewise."""
    training: TrainingConfig
    """How it was trained."""
    exits: ExitsConfig
    """How the exit policy was fitted."""
    budget_fraction: Annotated[float, Field(gt=0, le=1)] | None
    """Share of its own full cost that the policy was allowed; null under a target of ``exits``."""
    policy: dict[str, Any]
    """When a sample leaves, as ``aebnas.exits.policies.table.policy_from_dict`` reads it."""
    reach_macs: Annotated[Items[float], Field(min_length=1)]
    """MACs of leaving at each exit, heads tried on the way included."""
    environment: dict[str, Any]
    """Versions and machine of the training."""
    cost_metric: Text = "macs"
    """What the policy trades for accuracy: macs, latency_ms@PROFILE or energy_mj@PROFILE."""
    reach_costs: dict[str, Annotated[Items[float], Field(min_length=1)]] = Field(default_factory=dict)
    """Cost of leaving at each exit on the devices of the run, by latency_ms@PROFILE and energy_mj@PROFILE."""
    teacher: TeacherRecord | None = None
    """The network whose answers it learned beside the labels; null: none."""
    supernet: Sha256 | None = None
    """Checksum of the supernet's file with whose weights its training began; null: random ones."""
    code_folder: Text | None = None
    """Where code from outside lay that it names as package.module:Name; null: it names none."""
    code: dict[str, Sha256] = Field(default_factory=dict)
    """SHA-256 of that code, by name."""
    sixteen_bit_depth: SixteenBitDepth | None = None
    """Bits that the data's 16-bit files were read with; null: there were none."""
    sha256: dict[FileName, Sha256]
    """Of the files beside this one."""

    @property
    def task(self) -> Task:
        """Return the task: the images' shape and the number of classes."""
        normalisation = checked_normalisation(self.mean, self.std, self.image_shape[2])
        return Task.of_samples(self.image_shape, self.classes, normalisation)

    @model_validator(mode="after")
    def _is_consistent(self) -> Checkpoint:
        if self.format > FORMAT:
            raise ValueError(f"format {self.format} is newer than this AEBNAS reads ({FORMAT}); update it")
        if self.architecture.key() != self.key:
            raise ValueError(
                f"key {self.key} belongs to another architecture: this one's is "
                f"{self.architecture.key()}. The file was edited or damaged; train it again"
            )
        checked_normalisation(self.mean, self.std, self.image_shape[2])
        exits = len(self.architecture.exit_names) + 1
        for name, reach in {"reach_macs": self.reach_macs, **self.reach_costs}.items():
            if len(reach) != exits:
                raise ValueError(f"{name} needs {exits} values, one per exit, but got {len(reach)}")
            if name in ("reach_macs", self.cost_metric) and min(np.diff(reach, prepend=0)) <= 0:
                raise ValueError(f"{name} must be positive and increase from exit to exit, but got {reach}")
        if self.cost_metric not in ("macs", *self.reach_costs):
            costs = ", ".join(["macs", *self.reach_costs])
            raise ValueError(f"cost_metric {self.cost_metric} is none of the costs it knows: {costs}")
        try:
            decides = policy_from_dict(self.policy).exits
        except DataError as error:
            raise ValueError(f"policy: {error}") from error
        if decides != exits:
            raise ValueError(f"policy decides for {decides} exits, but the architecture has {exits}")
        return self

    def code_of_weights(self) -> dict[str, str]:
        """Return the SHA-256 of the code that decided the weights, by name."""
        deciding = {"space": self.architecture.to_dict(), "training": self.training.model_dump(mode="json")}
        return {name: self.code[name] for name in names_in(deciding) if name in self.code}

    @property
    def input(self) -> InputSpec:
        """Return the network's input."""
        return self.architecture.input(self.task)

    @property
    def exit_policy(self) -> ExitPolicy:
        """Return when a sample leaves."""
        return policy_from_dict(self.policy)


@dataclass(frozen=True, eq=False)
class Trained:
    """A checkpoint with its weights and its logits on calibrate."""

    checkpoint: Checkpoint
    network: EarlyExitNetwork
    """In evaluation mode, on the CPU, fp32."""
    calibrate_logits: NDArray[np.float32]
    """Of every exit, ``(images, exits, classes)``."""
    calibrate_labels: NDArray[np.int64]
    folder: Path
    """Where it lies."""


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what a checkpoint says about itself.

    Raises:
        RunError: ``checkpoint.yaml`` is missing or wrong; one line per mistake, with ``FILE:LINE``.
    """
    return read_model(folder / "checkpoint.yaml", Checkpoint, WHAT, RunError)


def load_trained(folder: Path) -> Trained:
    """Read a whole checkpoint.

    Raises:
        RunError: A file is missing, edited, damaged or of another network.
        CodeError: It is made of code that is not allowed, missing, wrong or other than it was.
    """
    checkpoint = read_checkpoint(folder)
    for name, digest in checkpoint.code.items():
        require_consent(name)
        if code_digest(name) != digest:
            raise CodeError(
                f"the code of {name} has changed since {folder} was trained with it. Put the old files back "
                f"in {checkpoint.code_folder}, or train again"
            )
    network = EarlyExitNetwork(
        checkpoint.architecture,
        checkpoint.task,
        boosting_coefficient=checkpoint.training.boosting_coefficient,
    )
    weights, arrays = _content(folder, WEIGHTS, checkpoint), _content(folder, LOGITS, checkpoint)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        with np.load(arrays, allow_pickle=False) as stored:
            logits, labels = stored["logits"], stored["labels"]
    except Exception as error:  # what damaged bytes raise in pickle, zip, zlib and numpy has no common class
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{folder} is damaged: {first}; {CURE}") from error
    why = _misfit(logits, labels, network.exits, len(checkpoint.classes))
    if why:
        raise RunError(f"{folder / LOGITS} is damaged: {why}; {CURE}")
    return Trained(checkpoint, network.eval(), logits, labels, folder)


def _misfit(logits: NDArray[Any], labels: NDArray[Any], exits: int, classes: int) -> str | None:
    """Return why stored logits and labels are not those of a network."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        return f"labels are {labels.dtype} of shape {labels.shape}, expected whole numbers (n,)"
    if logits.shape != (len(labels), exits, classes) or logits.dtype.kind != "f":
        return f"logits have shape {logits.shape}, expected {(len(labels), exits, classes)}"
    if labels.min() < 0 or labels.max() >= classes or not np.isfinite(logits).all():
        return f"its labels are no classes from 0 to {classes - 1}, or its logits no numbers"
    return None


def sha256_of(contents: Mapping[FileName, bytes]) -> dict[FileName, str]:
    """Return the checksums of files, as a checkpoint notes them."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def _content(folder: Path, name: FileName, checkpoint: Checkpoint) -> io.BytesIO:
    """Return a file in memory, held against its checksum.

    Raises:
        RunError: It is missing, unreadable or not what was written.
    """
    path, checksum = folder / name, checkpoint.sha256.get(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}; {CURE}") from error
    if sha256_of({name: content})[name] != checksum:
        raise RunError(
            f"{path} was edited or damaged: its sha256 is not that of checkpoint.yaml. "
            f"Put a copy of it back, or {CURE}"
        )
    return io.BytesIO(content)


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as YAML."""
    return yaml_text(checkpoint.model_dump(mode="json"))
