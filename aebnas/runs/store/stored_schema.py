"""Shapes of what a run's database holds as JSON: evaluations, summaries of generations, metadata.

Fields with a default are those that some runs do not write; what else stands there is left alone.
Must not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from aebnas.evaluation.record import Status
from aebnas.runs.status import RunStatus

Count = Annotated[int, Field(ge=0)]
Size = Annotated[float, Field(ge=0)]
KEY = re.compile(r"[0-9a-f]{16}")
Key = Annotated[str, Field(pattern=f"^{KEY.pattern}$")]
Reach = Annotated[list[float], Field(min_length=1)]
AnyNumber = Annotated[float, Field(allow_inf_nan=True)]


class Plain(BaseModel):
    """Something that stands in the database as JSON; what else is in it is left alone."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")


class StoredTargetCheck(Plain):
    """What an evaluation says of its target."""

    is_met: bool
    violation: Size
    text: str
    notes: list[str] = []
    settings: dict[str, StoredTargetCheck] = {}


class StoredEvaluation(Plain):
    """An evaluation but for its architecture and its curve, which check themselves."""

    architecture: dict[str, Any]
    status: Annotated[Status, Field(strict=False)]
    message: str = ""
    seed: Count
    reach_macs: Reach
    params: Count
    peak_activation_bytes: Count
    seconds: Size = 0
    cpu_seconds: Size = 0
    reach_costs: dict[str, Reach] = {}
    cut_short_costs: dict[str, Reach] = {}
    cost_metric: str = "macs"
    precision: str = ""
    memory_mb: Size = 0
    train_loss: AnyNumber | None = None
    curve: dict[str, Any] | None
    target_check: StoredTargetCheck | None = None
    epochs: Count | None = None
    fidelity: Annotated[str, Field(min_length=1)]


class StoredPrediction(Plain):
    """What a surrogate said of a candidate."""

    key: str
    source: Annotated[str, Field(pattern="^(surrogate|exploration|plain)$")]
    predicted: float
    observed: float


class StoredSurrogateStatus(Plain):
    """How a surrogate did in one generation."""

    is_on: bool
    reason: str
    models: dict[str, str]
    fold_tau: dict[str, AnyNumber]
    tau: AnyNumber | None
    bias: AnyNumber | None
    coverage: AnyNumber | None
    gains: dict[str, AnyNumber]
    chance: AnyNumber | None
    predictions: list[StoredPrediction]


class StoredFinalTraining(Plain):
    """What came of a final training."""

    fidelity: str
    epochs: Count
    chosen: Count
    trained: list[Key]
    failed: list[Key]
    hold_front: bool


def _named_point(name: list[Any]) -> list[Any]:
    """Return what names a point: key, budget fraction and, where the exit policy is a gene, setting."""
    key, budget_fraction, setting = (*name, "")[:3] if len(name) == 2 else (*name, None, None, None)[:3]
    is_key = isinstance(key, str) and KEY.fullmatch(key) is not None
    is_share = type(budget_fraction) in (int, float) and 0 < budget_fraction <= 1
    if len(name) > 3 or not (is_key and is_share and isinstance(setting, str)):
        raise ValueError(f"must be a key, a budget fraction and perhaps a setting, but is {str(name)[:60]}")
    return name


class StoredSummary(Plain):
    """The summary of a generation."""

    number: Count
    proposed: list[Key]
    trainings: Count
    failed: Count
    hypervolume: float
    reference: list[float]
    front: list[Annotated[list[Any], AfterValidator(_named_point)]]
    is_complete: bool
    surrogate: StoredSurrogateStatus | None = None
    finals: list[StoredFinalTraining] = []
    reached: dict[Key, str] = {}
    full_trainings: Size | None = None


class StoredSupernet(Plain):
    """What a run notes of its supernet."""

    origin: str | None = None
    begun: bool = False
    diverged: bool = False
    seconds: Size | None = None
    processes: Count = 1
    device: str = ""
    processor: str = ""
    is_mixed: bool = False
    accuracies: dict[str, list[float]] | None = None

    @model_validator(mode="after")
    def _knows_who_trained_it(self) -> StoredSupernet:
        missing = {"device", "processes"} - self.model_fields_set
        if self.seconds is not None and missing:
            raise ValueError(f"it tells how long a training took, but no {' and no '.join(sorted(missing))}")
        return self


class StoredMachine(Plain):
    """Where a run began."""

    processor: str | None = None
    system: str | None = None
    gpus: list[dict[str, Any]] | None = None


class StoredGit(Plain):
    """Of what checkout."""

    commit: str | None = None
    has_changes: bool = False


class StoredEnvironment(Plain):
    """``environment.json``."""

    versions: dict[str, str | None]
    machine: StoredMachine = StoredMachine()
    git: StoredGit | None = None
    code: str | None = None


EVALUATION, SUMMARY = TypeAdapter(StoredEvaluation), TypeAdapter(StoredSummary)
ENVIRONMENT = TypeAdapter(StoredEnvironment)
METADATA: Mapping[str, TypeAdapter[Any]] = {
    "status": TypeAdapter(Annotated[RunStatus, Field(strict=False)]),
    "stopped_by": TypeAdapter(str),
    "out_of_time": TypeAdapter(Annotated[bool, Field(strict=True)]),
    "data": TypeAdapter(str),
    "classes": TypeAdapter(Annotated[list[str], Field(min_length=1)]),
    "image_shape": TypeAdapter(
        Annotated[list[Annotated[int, Field(ge=1, strict=True)]], Field(min_length=3, max_length=3)]
    ),
    "train_images": TypeAdapter(Annotated[Count, Field(strict=True)]),
    "elapsed_seconds": TypeAdapter(Annotated[Size, Field(allow_inf_nan=False, strict=True)]),
    "not_repeatable": TypeAdapter(str | None),
    "changes": TypeAdapter(list[str]),
    "hardware": TypeAdapter(dict[str, str]),
    "supernet": TypeAdapter(StoredSupernet),
    "code": TypeAdapter(dict[str, str]),
}
"""What a fact of each name must be; others may be anything."""
