"""Every kind of search space: making one from its section, and reading its architectures.

A kind is named in a file as ``space: {kind: NAME}``; without a name it is ``staged``.
Must not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

from pydantic import PlainSerializer, PlainValidator, TypeAdapter

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.config.schema import SearchFile
from aebnas.config.sections.pretrained import PRETRAINED
from aebnas.config.sections.space import SpaceConfig
from aebnas.config.sections.spaces import STAGED, SpaceSection
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed, may_run
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.kind import SpaceKind, SpaceRequest
from aebnas.space.pretrained.space import PretrainedKind
from aebnas.space.search_space import StagedSpace
from aebnas.space.unread import UnreadNetwork, UnreadSpace

_STAGED_FILES = TypeAdapter(StagedArchitecture)


class Staged(SpaceKind):
    """Stages of blocks with exits behind them."""

    def __init__(self, section: SpaceConfig) -> None:
        """Take the options."""
        self._section = section

    @classmethod
    def of_section(cls, section: SpaceConfig) -> Self:
        """Return the kind with the options of a file's section."""
        return cls(section)

    def space(self, request: SpaceRequest) -> StagedSpace:
        """Return the space."""
        height, width = request.own_size
        return StagedSpace(self._section, (height, width), request.budget_fractions, request.settings)

    @classmethod
    def architecture(cls, plain: Mapping[str, Any]) -> StagedArchitecture:
        """Return the architecture that ``to_dict`` described.

        Raises:
            KeyError, TypeError, ValueError: The description is incomplete or has unknown fields.
        """
        return StagedArchitecture.from_dict(plain)


KINDS: Mapping[str, type[SpaceKind]] = MappingProxyType({STAGED: Staged, PRETRAINED: PretrainedKind})
"""By the name that files use."""


def space_of(config: SearchFile, image_shape: Sequence[int]) -> SearchSpace:
    """Return the search space of a configuration for samples ``(*size, channels)``."""
    *size, channels = image_shape
    samples = TensorSpec(channels, tuple(size))
    return make_space(config.space, samples, config.budget_fractions, config.settings)


def make_space(
    section: SpaceSection,
    samples: TensorSpec,
    budget_fractions: tuple[float, ...] = (1.0,),
    settings: tuple[str, ...] = ("",),
) -> SearchSpace:
    """Return the space that a section describes.

    Args:
        section: The validated section.
        samples: Shape of the data's samples.
        budget_fractions: Choices of the ``budget_fraction`` gene, rising, in (0, 1].
        settings: Choices of the ``exit_policy`` gene.
    """
    refused = [name for name in section.code if not may_run(name)]
    if refused:
        return UnreadSpace(refused[0], budget_fractions, settings)
    request = SpaceRequest(section.kind, samples.size, samples.channels, budget_fractions, settings)
    return _made(section).space(request)


def architecture_from_dict(plain: Mapping[str, Any]) -> Architecture:
    """Return the architecture that ``to_dict`` described.

    Raises:
        KeyError, TypeError: The description is incomplete or has unknown fields.
    """
    kind = plain.get("kind", STAGED)
    if is_outside(kind) and not is_allowed():
        return UnreadNetwork(plain)
    return kind_named(kind).architecture(plain)


def kind_named(name: str) -> type[SpaceKind]:
    """Return the kind that goes by a name; one from outside is loaded.

    Raises:
        KeyError: There is none.
        CodeError: The code behind the name is missing, wrong or not allowed.
    """
    if name in KINDS or not is_outside(name):
        return KINDS[name]
    kind: type[SpaceKind] = loaded(name, kinds.SPACE)
    return kind


def _made(section: SpaceSection) -> SpaceKind:
    """Return the kind with the options of a section."""
    return kind_named(section.kind).of_section(section)


def _in_file(value: Any) -> Any:
    """Return the architecture that a file describes, every mistake told with its place.

    Raises:
        ValueError: It describes none.
    """
    if not isinstance(value, Mapping):
        return value if hasattr(value, "segments") else _STAGED_FILES.validate_python(value)
    if value.get("kind", STAGED) == STAGED:
        return _STAGED_FILES.validate_json(json.dumps(value))
    try:
        return architecture_from_dict(value)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no architecture of {value['kind']}: {error}") from error


if TYPE_CHECKING:
    AnyArchitecture: TypeAlias = Architecture
else:  # what models of files check
    AnyArchitecture = Annotated[
        Any, PlainValidator(_in_file), PlainSerializer(lambda architecture: architecture.to_dict())
    ]
