"""The section ``space`` of a network that somebody trained: which it is, and where exits may stand.

A scalar fixes a value, a list makes it a gene.  Must not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator

from aebnas.config.choices import Choices, Frozen
from aebnas.config.sections.pixels import Pixels
from aebnas.config.sections.space import BranchConfig, NormalisationConfig
from aebnas.config.sections.spaces import SpaceSection
from aebnas.pretrained.network_names import is_code, is_program, wrong_network

PRETRAINED = "pretrained"
AUTO = "auto"
"""In place of a list of places: those that are worth it by what they cost."""


def _network(text: str) -> str:
    """Return what may name a network.

    Raises:
        ValueError: It names none; the message says the cure.
    """
    message = wrong_network(text)
    if message is not None:
        raise ValueError(message)
    return text


def _places(value: Any) -> str | tuple[str, ...]:
    """Return ``auto``, or the names of places, each once.

    Raises:
        ValueError: It is neither.
    """
    if value == AUTO:
        return AUTO
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise ValueError(
            f"must be {AUTO}, or a list of places as `aebnas check` names them, but got {value!r:.60}"
        )
    twice = [name for i, name in enumerate(value) if name in value[:i]]
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice")
    return tuple(value)


if TYPE_CHECKING:
    Network: TypeAlias = str
    Places: TypeAlias = str | tuple[str, ...]
else:
    Network = Annotated[str, Field(min_length=1), AfterValidator(_network)]
    Places = Annotated[Any, PlainValidator(_places)]


class PretrainedExitsConfig(Frozen):
    """Where early exits may be, and what a branch may look like."""

    after: Places = AUTO
    """Places where an exit may be, as `aebnas check` names them; auto: where their cost is worth it."""
    most: Annotated[int, Field(ge=0, le=64)] | None = None
    """Exits that a network has at most: of those that a candidate chooses, later ones are dropped."""
    branch: BranchConfig = BranchConfig()
    """The branches' genes."""


class PretrainedSpaceConfig(SpaceSection):
    """A network that somebody trained, and the exits that it may get."""

    kind: Literal["pretrained"]
    """The kind of space."""
    brings_weights: ClassVar[bool] = True
    network: Network
    """A name of ours (efficientnet_lite0), package.module:function, or a .pt2 file of torch.export.save."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """A file of weights that is read into it: safetensors or a state dict; default: those that it brings."""
    normalisation: NormalisationConfig | None = None
    """By which it was trained; default: a named network's own, else the mean and spread of the data."""
    colours: Literal["rgb", "bgr"] | None = None
    """Order of colours by which it was trained; default: a named network's own, else red, green, blue."""
    resolution: Choices[Pixels] | None = None
    """Pixels of the input: height = width, or [height, width] in a list; default: the data's own."""
    head: Literal["keep", "replace"] = "replace"
    """Whether its own classifier answers last, or a new one behind its last features."""
    exits: PretrainedExitsConfig = PretrainedExitsConfig()
    """Early exits."""

    @property
    def code(self) -> str | None:
        """Return the network where it is code, or a saved program: reading one may run code, too."""
        return self.network if is_code(self.network) else None

    @property
    def files(self) -> dict[str, str]:
        """Return the saved program and the file of weights."""
        program = {"network": self.network} if is_program(self.network) else {}
        return program | ({} if self.weights is None else {"weights": self.weights})
