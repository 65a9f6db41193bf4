"""Every kind of search space: making one from its section, and reading its architectures.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import PlainSerializer

from aebnas.config.schema import SearchFile
from aebnas.config.sections.space import SpaceConfig
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace


def space_of(config: SearchFile, image_shape: Sequence[int]) -> SearchSpace:
    """Return the search space of a configuration for samples ``(*size, channels)``."""
    return make_space(config.space, tuple(image_shape[:-1]), config.budget_fractions, config.settings)


if TYPE_CHECKING:
    AnyArchitecture: TypeAlias = Architecture
else:  # what models of files check: with another kind of space, a union of them
    AnyArchitecture = Annotated[StagedArchitecture, PlainSerializer(lambda one: one.to_dict())]


def make_space(
    section: SpaceConfig,
    own_size: tuple[int, ...],
    budget_fractions: tuple[float, ...] = (1.0,),
    settings: tuple[str, ...] = ("",),
) -> SearchSpace:
    """Return the space that a section describes.

    Args:
        section: The validated section.
        own_size: Of the data's samples: height and width of images.
        budget_fractions: Choices of the ``budget_fraction`` gene, rising, in (0, 1].
        settings: Choices of the ``exit_policy`` gene.
    """
    height, width = own_size
    return StagedSpace(section, (height, width), budget_fractions, settings)


def architecture_from_dict(plain: Mapping[str, Any]) -> Architecture:
    """Return the architecture that ``to_dict`` described.

    Raises:
        KeyError, TypeError: The description is incomplete or has unknown fields.
    """
    return StagedArchitecture.from_dict(plain)
