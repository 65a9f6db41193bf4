"""Winner files: one YAML per architecture on the front, enough to train it again.

``load_winner`` reads them back.
Must not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from aebnas.config.choices import Frozen, Items
from aebnas.config.model_file import read_model
from aebnas.config.schema import DataConfig, Text
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import DataError, RunError
from aebnas.evaluation.plan import longest_training
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.threshold_codec import decode_thresholds, encode_thresholds
from aebnas.exits.policies.table import policy_from_dict
from aebnas.files.yaml_text import PlainDumper
from aebnas.report.files.writing import write_file
from aebnas.runs.contents import RunContents
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.space.spaces import AnyArchitecture

FORMAT = 2
"""Version of the files; raised when a reader of the old one would go wrong.

Not for a new optional field: readers are strict, and one that does not know it refuses it by its name.
"""
WINNER_FILE = re.compile(r"[0-9a-f]{16}\.yaml")
FIRST_LINE = (
    "# One architecture of a Pareto front. Read it back: aebnas.load_winner(THIS_FILE).architecture\n"
)


def _decoded(entries: Any) -> Any:
    try:
        return tuple(decode_thresholds(entries))
    except (DataError, TypeError) as error:
        raise ValueError(str(error)) from error


Thresholds = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=True)], ...],
    BeforeValidator(_decoded),
    PlainSerializer(encode_thresholds),
]
"""Infinities are the words of ``threshold_codec`` in the file."""
Rate = Annotated[float, Field(ge=0, le=1)]
Weights = Literal["inherited", "trained"]


class WinnerPoint(Frozen):
    """One point of the front: how to run the network, and what it scored on select."""

    budget_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the network's own full cost that the point may spend."""
    thresholds: Thresholds | None = None
    """One per exit but the last; a sample leaves at the first exit whose score reaches it."""
    policy: dict[str, Any]
    """What decides, as aebnas.exits.policies.table.policy_from_dict reads it."""
    setting: str = ""
    """Of the exit policy, where it was a gene: a name of ``exits.settings``."""
    exit_rates: Items[Rate]
    """Share of select images that left at each exit, the final classifier last."""
    accuracy: Rate
    """Share of right answers on select; the best of many, hence optimistic."""
    macs: Annotated[float, Field(gt=0)]
    """Expected MACs per sample."""
    worst_macs: Annotated[float, Field(gt=0)]
    """MACs of a sample that reaches the last exit."""


class Winner(Frozen):
    """One architecture of a Pareto front, with everything its training depends on."""

    format: Annotated[int, Field(ge=1)]
    """Version of the file."""
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The architecture's identity."""
    run: Text
    """Name of the run that found it."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of the search."""
    training_seed: Annotated[int, Field(ge=0)]
    """Seed of its training in the search."""
    weights: Weights | None = None
    """What the points show: an inherited subnet, or a trained network; null: trained, as ``training``
    says."""
    epochs: Annotated[int, Field(ge=0)] | None = None
    """In which they were trained, an inherited subnet's fine-tuned; null with ``weights``."""
    data_fingerprint: str | None
    """Identity of the data and splits of the search."""
    classes: Annotated[int, Field(ge=1)] | None
    """Number of classes."""
    image_shape: Annotated[Items[int], Field(min_length=3, max_length=3)] | None
    """Height, width, channels of the data's images."""
    data: DataConfig
    """Where the images came from."""
    training: TrainingConfig
    """How it is trained in full."""
    exits: ExitsConfig
    """The score that thresholds are compared with, and how they were tuned."""
    code_folder: Text | None = None
    """Where code from outside lay, which it names as package.module:Name."""
    points: Annotated[Items[WinnerPoint], Field(min_length=1)]
    """Its points on the front, by rising cost."""
    architecture: AnyArchitecture
    """What to build."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Winner:
        if self.format > FORMAT:
            raise ValueError(f"format {self.format} is newer than this AEBNAS reads ({FORMAT}); update it")
        if self.architecture.key() != self.key:
            raise ValueError(
                f"key {self.key} belongs to another architecture: this one's is {self.architecture.key()}. "
                "The file was edited or damaged; write it again: aebnas report RUN"
            )
        heads, settings = len(self.architecture.exit_names), self.exits.settings
        for i, point in enumerate(self.points):
            if point.setting not in settings:
                raise ValueError(
                    f"points[{i}] has setting {point.setting!r}, which exits does not give. Choices: "
                    f"{', '.join(map(repr, settings))}"
                )
            deciding = _exits_decided(point)
            if deciding != heads or len(point.exit_rates) != heads + 1:
                raise ValueError(
                    f"points[{i}] has {deciding} thresholds and {len(point.exit_rates)} "
                    f"exit rates, but the architecture needs {heads} and {heads + 1}"
                )
        return self


def _exits_decided(point: WinnerPoint) -> int:
    """Return how many exits a point decides at, the final classifier left out."""
    if point.thresholds is not None:
        return len(point.thresholds)
    try:
        return policy_from_dict(point.policy).exits - 1
    except DataError as error:
        raise ValueError(f"policy: {error}") from error


def winners(run: RunContents) -> list[Winner]:
    """Return one winner per architecture of the front, by rising cost."""
    by_key = {key: [point for point in run.front if point.key == key] for key in run.front_keys}
    return [_winner(run, points) for points in by_key.values()]


def write_winners(run: RunContents, folder: Path) -> list[Path]:
    """Write one file per architecture of the front, and delete those of an earlier front.

    Files of other names in the folder are left alone.

    Raises:
        RunError: A file cannot be written.
    """
    paths = [write_file(folder / f"{winner.key}.yaml", winner_text(winner)) for winner in winners(run)]
    remove_stale(folder, paths)
    return paths


def remove_stale(folder: Path, keep: Iterable[Path]) -> None:
    """Delete the winner files of a folder that are not to be kept.

    Raises:
        RunError: One cannot be deleted.
    """
    kept = set(keep)
    files = folder.iterdir() if folder.is_dir() else ()
    for path in [path for path in files if WINNER_FILE.fullmatch(path.name) and path not in kept]:
        try:
            path.unlink()
        except OSError as error:
            raise RunError(f"cannot delete {path}, which is no winner any more: {error.strerror}") from error


def winner_text(winner: Winner) -> str:
    """Return a winner as YAML."""
    unsaid = {"weights", "epochs"} if winner.weights is None else None
    return FIRST_LINE + _yaml(winner.model_dump(mode="json", exclude=unsaid))


def _yaml(plain: dict[str, Any]) -> str:
    text: str = yaml.dump(plain, Dumper=PlainDumper, default_flow_style=None, sort_keys=False, width=110)
    return text


def winner_common(run: RunContents) -> str:
    """Return what the winner files of a run share, as the YAML of their fields."""
    plain = {
        "run": run.path.resolve().name,
        "seed": run.config.search.seed,
        "data_fingerprint": run.metadata["data"],
        "classes": _classes(run),
        "image_shape": run.metadata["image_shape"],
        "data": run.config.data.model_dump(mode="json"),
        "training": longest_training(run.plan, run.config.training).model_dump(mode="json"),
        "exits": run.config.exits.model_dump(mode="json"),
        "code_folder": run.config.code_folder,
    }
    return f"format: {FORMAT}\n{_yaml(plain)}"


def load_winner(path: Path) -> Winner:
    """Read a winner file.

    Raises:
        ConfigError: It cannot be read or is wrong; one line per mistake, with ``FILE:LINE``.
    """
    return read_model(path, Winner, "no winner file. Winners lie in runs/NAME/winners/")


def _winner(run: RunContents, points: list[OperatingPoint]) -> Winner:
    evaluation = points[0].evaluation
    config, shape = run.config, run.metadata["image_shape"]
    weights = _weights(run, evaluation)
    return Winner(
        format=FORMAT,
        key=evaluation.key,
        run=run.path.resolve().name,
        seed=config.search.seed,
        training_seed=evaluation.seed,
        weights=weights,
        epochs=None if weights is None else evaluation.epochs,
        data_fingerprint=run.metadata["data"],
        classes=_classes(run),
        image_shape=None if shape is None else tuple(shape),
        data=config.data,
        training=longest_training(run.plan, config.training),
        exits=config.exits,
        code_folder=config.code_folder,
        points=tuple(_winner_point(point) for point in points),
        architecture=evaluation.architecture,
    )


def _weights(run: RunContents, evaluation: Evaluation) -> Weights | None:
    """Return how a candidate came by its weights; None in a run that trained all of them alike."""
    if not run.plan.is_uneven and not run.plan.shares_weights:
        return None
    return "trained" if run.fidelity(evaluation).trains else "inherited"


def _classes(run: RunContents) -> int | None:
    names = run.metadata["classes"]
    return None if names is None else len(names)


def _winner_point(point: OperatingPoint) -> WinnerPoint:
    return WinnerPoint(
        budget_fraction=point.budget_fraction,
        thresholds=None if point.thresholds is None else tuple(point.thresholds),
        policy=dict(point.policy),
        setting=point.setting,
        exit_rates=tuple(point.exit_rates),
        accuracy=point.accuracy,
        macs=point.metrics["macs"],
        worst_macs=point.metrics["worst_macs"],
    )
