"""The section ``space`` of every kind: without ``kind`` it is a staged one.  Must not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, WrapValidator

from aebnas.config.sections.space import SpaceConfig
from aebnas.config.sections.spaces import SpaceSection, outside_space
from aebnas.extensions.names import is_outside


def _of_its_kind(value: Any, handler: Any) -> Any:
    """Return the section of the kind that it names."""
    if isinstance(value, Mapping) and is_outside(value.get("kind")):
        return outside_space(value)
    return value if isinstance(value, SpaceSection) else handler(value)


if TYPE_CHECKING:
    AnySpace: TypeAlias = SpaceSection
else:
    AnySpace = Annotated[SerializeAsAny[SpaceConfig], WrapValidator(_of_its_kind)]
