"""What a kind of search space is: one object that makes spaces from options and reads their architectures.

Must not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aebnas.space.api import Architecture, SearchSpace


@dataclass(frozen=True)
class SpaceRequest:
    """What a space is made for, beside its own options."""

    kind: str
    """By which files name the kind; architectures of a kind from outside say it in ``to_dict``."""
    own_size: tuple[int, ...]
    """Of the data's samples: height and width of images, the length of signals."""
    channels: int
    """Of the data's samples: colours of images."""
    budget_fractions: tuple[float, ...] = (1.0,)
    """Choices of the gene ``budget_fraction``, rising, in (0, 1]."""
    settings: tuple[str, ...] = ("",)
    """Choices of the gene ``exit_policy``."""


class SpaceKind(ABC):
    """One kind of search space; the fields of a dataclass that inherits it are the options in the file.

    ``aebnas.space.gene_space.GeneSpace`` does what all spaces of genes have in common, and
    ``aebnas.space.network.PlainNetwork`` what architectures have.
    """

    @classmethod
    def of_section(cls, section: Any) -> Self:
        """Return the kind with the options of a file's section."""
        return cls(**section.options)

    @abstractmethod
    def space(self, request: SpaceRequest) -> SearchSpace:
        """Return the space that these options describe.

        Raises:
            ConfigError: Options contradict one another, or do not fit the data.
        """

    @classmethod
    @abstractmethod
    def architecture(cls, plain: Mapping[str, Any]) -> Architecture:
        """Return the architecture that ``to_dict`` described.

        Raises:
            KeyError, TypeError, ValueError: The description is incomplete, or of something else.
        """
