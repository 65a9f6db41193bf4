"""Two staged networks one behind the other as one architecture: the second reads the image again."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from training.small_training import two_exits

from aebnas.space.api import Segment
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.drawing import Drawing
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task


@dataclass(frozen=True)
class Cascade:
    """A small network, and another one for what it is not sure of."""

    first: StagedArchitecture
    second: StagedArchitecture

    @property
    def exit_names(self) -> tuple[str, ...]:
        own = [f"first.{name}" for name in (*self.first.exit_names, "final")]
        return (*own, *(f"second.{name}" for name in self.second.exit_names))

    @property
    def backbone_types(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.first.backbone_types, *self.second.backbone_types)))

    def input(self, task: Task) -> InputSpec:
        return self.first.input(task)

    def key(self) -> str:
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def segments(self, task: Task) -> tuple[Segment, ...]:
        names = (*self.exit_names, "final")
        again, *further = self.second.segments(task)
        plan = (*self.first.segments(task), replace(again, reads="image"), *further)
        return tuple(replace(segment, name=name) for segment, name in zip(plan, names, strict=True))

    def without_exits(self) -> StagedArchitecture:
        return self.second.without_exits()

    def to_dict(self) -> dict[str, Any]:
        return {"first": self.first.to_dict(), "second": self.second.to_dict()}

    def drawing(self) -> Drawing:
        drawings = self.first.drawing(), self.second.drawing()
        return Drawing(drawings[0].input_size, (*drawings[0].rows, *drawings[1].rows))


def cascade() -> Cascade:
    """Return a cascade of four exits."""
    return Cascade(two_exits("conv"), two_exits("residual"))
