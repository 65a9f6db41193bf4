"""The section ``space`` of networks that somebody trained: which they are, where they may end or get exits.

A scalar fixes a value, a list makes it a gene.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, model_validator

from aebnas.config.choices import Choices, Frozen, Wrong, reject
from aebnas.config.sections.pixels import Pixels
from aebnas.config.sections.space import BranchConfig, NormalisationConfig
from aebnas.config.sections.spaces import SpaceSection
from aebnas.pretrained.network_names import PROGRAM, is_code, is_file, wrong_network

PRETRAINED = "pretrained"
AUTO = "auto"
"""In place of a list of places: those that are worth it by what they cost."""
OUTPUT = "output"
"""In place of a place: a network's own end."""
USUAL_KEEP = 4
"""Candidates that are trained further where a file says nothing of it."""
OF_ONE = ("weights", "answer")
"""Fields that no two networks share."""


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
    return _each_once(value)


def _ends(value: Any) -> str | tuple[str, ...]:
    """Return ``auto``, or the names of places, each once; one alone needs no list.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and value:
        return AUTO if value == AUTO else (value,)
    if not isinstance(value, list | tuple) or not value or not all(isinstance(n, str) and n for n in value):
        raise ValueError(
            f"must be {AUTO}, {OUTPUT}, or places as `aebnas check` names them, but got {value!r:.60}"
        )
    return _each_once(value)


def _names(value: Any) -> tuple[str, ...]:
    """Return names of classes, each once.

    Raises:
        ValueError: They are none.
    """
    if not isinstance(value, list | tuple) or not value or not all(isinstance(n, str) and n for n in value):
        raise ValueError(
            f"must be a list of names, one for each of the network's answers, but got {value!r:.60}"
        )
    return _each_once(value)


def _answer(value: Any) -> str:
    """Return the name or index of a part of an answer.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise ValueError(f"must name a part of the network's answer, or its index, but got {value!r:.60}")
    return str(value)


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice")
    return tuple(names)


def _as_written(names: Any) -> Any:
    return names[0] if isinstance(names, tuple) and len(names) == 1 else names


if TYPE_CHECKING:
    Network: TypeAlias = str
    Places: TypeAlias = str | tuple[str, ...]
    Ends: TypeAlias = str | tuple[str, ...]
    Names: TypeAlias = tuple[str, ...]
    Answer: TypeAlias = str
else:
    Network = Annotated[str, Field(min_length=1), AfterValidator(_network)]
    Places = Annotated[Any, PlainValidator(_places)]
    Ends = Annotated[Any, PlainValidator(_ends), PlainSerializer(_as_written)]
    Names = Annotated[Any, PlainValidator(_names)]
    Answer = Annotated[Any, PlainValidator(_answer)]


class GivenNetworkConfig(Frozen):
    """One of several networks; what it leaves out is as the space says."""

    network: Network
    """efficientnet_lite0, package.module:function, a .pt2 of torch.export, a .aebnas of save_network."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """A file of weights that is read into it: safetensors or a state dict; default: those that it brings."""
    answer: Answer | None = None
    """Which part of its answer the logits are, by name or index; default: the only part that can be."""
    normalisation: NormalisationConfig | None = None
    """By which it was trained; default: a named network's own, else the mean and spread of the data."""
    colours: Literal["rgb", "bgr"] | None = None
    """Order of colours by which it was trained; default: a named network's own, else red, green, blue."""
    classes: Names | None = None
    """Names of its classes in the order of its answers, for head: keep; default: those of the data."""
    resolution: Choices[Pixels] | None = None
    """Pixels of its input, if others than those of the space."""
    last: Ends | None = None
    """Where it may end: places as `aebnas check` names them, output: its own end; auto: where it pays."""
    after: Places | None = None
    """Places where an exit may be, as `aebnas check` names them; auto: where their cost is worth it."""


def _one_by_one(value: Any) -> Any:
    """Return every network as a section of its own."""
    given = value if isinstance(value, list | tuple) else (value,)
    return tuple({"network": own} if isinstance(own, str) else own for own in given)


def _as_named(networks: tuple[GivenNetworkConfig, ...]) -> Any:
    """Return networks as files write them."""
    plain = [own.model_dump(mode="json", exclude_none=True) for own in networks]
    names = [own["network"] if set(own) == {"network"} else own for own in plain]
    return names[0] if len(names) == 1 else names


if TYPE_CHECKING:
    Networks: TypeAlias = tuple[GivenNetworkConfig, ...]
else:
    Networks = Annotated[
        tuple[GivenNetworkConfig, ...],
        Field(min_length=1),
        BeforeValidator(_one_by_one),
        PlainSerializer(_as_named),
    ]


class PretrainedExitsConfig(Frozen):
    """Where early exits may be, and what a branch may look like."""

    after: Places = AUTO
    """Places where an exit may be, as `aebnas check` names them; auto: where their cost is worth it."""
    most: Annotated[int, Field(ge=0, le=64)] | None = None
    """Exits that a network has at most: of those that a candidate chooses, later ones are dropped."""
    branch: BranchConfig = BranchConfig()
    """The branches' genes."""


class PretrainedSpaceConfig(SpaceSection):
    """Networks that somebody trained, and the exits that they may get."""

    kind: Literal["pretrained"]
    """The kind of space."""
    brings_weights: ClassVar[bool] = True
    network: Networks
    """efficientnet_lite0, package.module:function, a .pt2 or .aebnas file; in a list: a gene."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """A file of weights that is read into it: safetensors or a state dict; default: those that it brings."""
    answer: Answer | None = None
    """Which part of its answer the logits are, by name or index; default: the only part that can be."""
    normalisation: NormalisationConfig | None = None
    """By which it was trained; default: a named network's own, else the mean and spread of the data."""
    colours: Literal["rgb", "bgr"] | None = None
    """Order of colours by which it was trained; default: a named network's own, else red, green, blue."""
    classes: Names | None = None
    """Names of its classes in the order of its answers, for head: keep; default: those of the data."""
    resolution: Choices[Pixels] | None = None
    """Pixels of the input: height = width, or [height, width] in a list; default: the data's own."""
    last: Ends = (OUTPUT,)
    """Where it may end: places as `aebnas check` names them, output: its own end; auto: where it pays."""
    head: Literal["keep", "replace"] = "replace"
    """Whether its own classifier answers last, or a new one behind its last features."""
    exits: PretrainedExitsConfig = PretrainedExitsConfig()
    """Early exits."""

    @model_validator(mode="after")
    def _says_of_one_what_is_its_own(self) -> PretrainedSpaceConfig:
        """Refuse for several networks what only one of them can have, and classes of a head that goes."""
        if len(self.network) > 1:
            said = [name for name in OF_ONE if getattr(self, name) is not None]
            said += [] if self.last in (AUTO, (OUTPUT,)) else ["last"]
            said += [] if self.exits.after == AUTO else ["exits.after"]
            reject([_of_one(name, len(self.network)) for name in said])
        if self.head == "replace" and (self.classes or any(own.classes for own in self.network)):
            reject([(("classes",), "names the answers of the network's own classifier: set head: keep")])
        return self

    @property
    def networks(self) -> tuple[GivenNetworkConfig, ...]:
        """Return each network with what holds for it."""
        shared = {name: getattr(self, name) for name in (*OF_ONE, "normalisation", "colours", "classes")}
        shared |= {"last": self.last, "after": self.exits.after}
        return tuple(
            own.model_copy(
                update={name: value for name, value in shared.items() if getattr(own, name) is None}
            )
            for own in self.network
        )

    def problem(self, channels: int) -> str | None:
        """Return why a normalisation does not fit images of so many channels; None: all do."""
        own = [network.normalisation for network in self.networks]
        return next(filter(None, (it.problem(channels) for it in own if it is not None)), None)

    @property
    def usual_plan(self) -> tuple[dict[str, Any], ...]:
        """Return heads on the networks as they are, then the best trained further, where one can be."""
        heads = {"kind": "heads"}
        if all(own.network.endswith(PROGRAM) for own in self.network):
            return (heads,)
        return (heads, {"kind": "finetuned", "keep": USUAL_KEEP})

    @property
    def code(self) -> tuple[str, ...]:
        """Return the networks that are code, or saved programs: reading one may run code, too."""
        return tuple(own.network for own in self.network if is_code(own.network))

    @property
    def files(self) -> dict[str, str]:
        """Return saved programs and files of weights."""
        files = {} if self.weights is None else {"weights": self.weights}
        for i, own in enumerate(self.network):
            files |= {f"network.{i}.network": own.network} if is_file(own.network) else {}
            files |= {} if own.weights is None else {f"network.{i}.weights": own.weights}
        return files

    def with_files(self, files: Mapping[str, str]) -> PretrainedSpaceConfig:
        """Return the same with other paths, of those that ``files`` returned."""
        networks = tuple(
            own.model_copy(
                update={
                    name: files[f"network.{i}.{name}"]
                    for name in ("network", "weights")
                    if f"network.{i}.{name}" in files
                }
            )
            for i, own in enumerate(self.network)
        )
        return self.model_copy(
            update={"network": networks} | {name: files[name] for name in ("weights",) if name in files}
        )


def _of_one(field: str, networks: int) -> Wrong:
    """Return that a field cannot be said of several networks at once."""
    *_, own = path = tuple(field.split("."))
    return path, (
        f"belongs to one network, but space.network has {networks}: say it of its own, "
        f"network: [{{network: ..., {own}: ...}}, ...]"
    )
