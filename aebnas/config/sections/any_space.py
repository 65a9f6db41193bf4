"""The section ``space`` of every kind: without ``kind`` it is a staged one.  Must not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, WrapValidator

from aebnas.config.sections.space import SpaceConfig
from aebnas.config.sections.spaces import SpaceSection


def _of_its_kind(value: Any, handler: Any) -> Any:
    """Return the section of the kind that it names."""
    return value if isinstance(value, SpaceSection) else handler(value)


if TYPE_CHECKING:
    AnySpace: TypeAlias = SpaceSection
else:
    AnySpace = Annotated[SerializeAsAny[SpaceConfig], WrapValidator(_of_its_kind)]
