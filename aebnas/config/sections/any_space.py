"""The section ``space`` of every kind: without ``kind`` it is a staged one.  Must not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import SerializeAsAny, WrapValidator

from aebnas.config.choices import did_you_mean, reject
from aebnas.config.sections.pretrained import PRETRAINED, PretrainedSpaceConfig
from aebnas.config.sections.space import SpaceConfig
from aebnas.config.sections.spaces import STAGED, SpaceSection, outside_space
from aebnas.extensions.names import HINT, is_outside

SECTIONS: Mapping[str, type[SpaceSection]] = {STAGED: SpaceConfig, PRETRAINED: PretrainedSpaceConfig}
"""By the kind that a file names."""


def _of_its_kind(value: Any, handler: Any) -> Any:
    """Return the section of the kind that it names."""
    if isinstance(value, SpaceSection) or not isinstance(value, Mapping):
        return value if isinstance(value, SpaceSection) else SpaceConfig.model_validate(value)
    kind = value.get("kind", STAGED)
    if is_outside(kind):
        return outside_space(value)
    if not isinstance(kind, str) or kind not in SECTIONS:
        near = did_you_mean(kind, list(SECTIONS)) if isinstance(kind, str) else ""
        reject([(("kind",), f"unknown value {kind!r:.60}. {near}Choices: {', '.join(SECTIONS)}, or {HINT}.")])
    return SECTIONS[kind].model_validate(value)


if TYPE_CHECKING:
    AnySpace: TypeAlias = SpaceSection
else:
    _Sections = Union[tuple(SECTIONS.values())]  # noqa: UP007 - a tuple at run time: what walks over fields finds
    AnySpace = Annotated[SerializeAsAny[_Sections], WrapValidator(_of_its_kind)]
