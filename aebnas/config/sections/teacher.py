"""The section ``training.teacher``: a network whose answers candidates learn beside the labels.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from aebnas.config.choices import Frozen
from aebnas.config.sections.pixels import Pixels
from aebnas.config.sections.pretrained import Answer, Network
from aebnas.config.sections.space import NormalisationConfig
from aebnas.pretrained.network_names import is_file


class TeacherConfig(Frozen):
    """Who teaches, how it sees images, and how much candidates listen."""

    network: Network
    """As space.network: package.module:function, a .aebnas or .pt2 file, or efficientnet_lite0."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """A file of weights that is read into it; default: those that it brings."""
    answer: Answer | None = None
    """Which part of its answer the logits are, by name or index; default: the only part that can be."""
    resolution: Pixels | None = None
    """Pixels of its input; default: the data's own."""
    normalisation: NormalisationConfig | None = None
    """By which it was trained; default: a named network's own, else the mean and spread of the data."""
    colours: Literal["rgb", "bgr"] | None = None
    """Order of colours by which it was trained; default: a named network's own, else red, green, blue."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of its answers in every exit's loss."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 3.0
    """Of those answers."""

    def deciding(self) -> dict[str, Any]:
        """Return what decides a training, fit for JSON: where its files lie does not."""
        plain = self.model_dump(mode="json", exclude={"weights"})
        return {name: value for name, value in plain.items() if name != "network" or not is_file(value)}

    @property
    def files(self) -> dict[str, str]:
        """Return the files that it is read from, by field."""
        given = {"network": self.network if is_file(self.network) else None, "weights": self.weights}
        return {name: path for name, path in given.items() if path is not None}

    def with_files(self, files: Mapping[str, str]) -> TeacherConfig:
        """Return the same with other paths, of those that ``files`` returned."""
        return self.model_copy(update=dict(files))


def _by_name(given: Any) -> Any:
    """Return a section for a network's name."""
    return {"network": given} if isinstance(given, str) else given


if TYPE_CHECKING:
    Teaching: TypeAlias = TeacherConfig | None
else:
    Teaching = Annotated[TeacherConfig | None, BeforeValidator(_by_name)]
