"""What sections of all kinds of search space have in common, and those of kinds from outside.

Must not import torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter

from aebnas.config.choices import Frozen, did_you_mean, reject
from aebnas.errors import CodeError
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import parsed_name

STAGED = "staged"
"""The kind that a section without ``kind`` has."""


class SpaceSection(Frozen):
    """What can be built; ``kind`` says in which way it is described."""

    kind: str
    """The kind of space."""
    brings_weights: ClassVar[bool] = False
    """Whether its networks begin with weights that the section names."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the kind by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}

    @property
    def code(self) -> tuple[str, ...]:
        """Return the code from outside without which nothing is known of the space."""
        return ()

    def problem(self, channels: int) -> str | None:
        """Return why it does not fit images of so many channels; None: it does, as far as it says."""
        return None

    @property
    def files(self) -> dict[str, str]:
        """Return the paths that it names, by the field that has them."""
        return {}

    def with_files(self, files: Mapping[str, str]) -> Self:
        """Return the same with other paths, of those that ``files`` returned."""
        return self.model_copy(update=dict(files))

    @property
    def usual_plan(self) -> tuple[dict[str, Any], ...]:
        """Return the items of ``evaluation.fidelities`` where a file has none; empty: the section's own."""
        return ()

    @property
    def exit_positions(self) -> tuple[str, ...] | None:
        """Return the names that early exits may have, in order; None: the space tells, not its section."""
        return None

    @property
    def may_lack_exits(self) -> bool:
        """Return whether some network lacks an exit that others have; True where only the space knows."""
        return True


class OutsideSpace(SpaceSection):
    """The section of a kind from outside; its options are the fields of its dataclass."""

    model_config = ConfigDict(extra="allow")

    @property
    def code(self) -> tuple[str, ...]:
        """Return the kind itself."""
        return (self.kind,)

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that were given, or where code is allowed all of them, by name."""
        return dict(self.model_extra or {})


def outside_space(given: Mapping[str, Any]) -> OutsideSpace:
    """Return the section of a kind from outside, every default filled in where its code may be loaded.

    Raises:
        PydanticCustomError: The code is missing or wrong, or no dataclass.
        ValidationError: An option is unknown, missing or of another type.
    """
    name, options = str(given["kind"]), {option: given[option] for option in given if option != "kind"}
    try:
        parsed_name(name)
        kind = loaded(name, kinds.SPACE) if is_allowed() else None
    except CodeError as error:
        reject([(("kind",), str(error))])
    if kind is None:
        return OutsideSpace(kind=name, **options)
    if not dataclasses.is_dataclass(kind):
        reject([(("kind",), f"{name} must be a dataclass: its fields are the options of the section")])
    return OutsideSpace(kind=name, **_filled(kind, options))


def _filled(kind: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a kind, those not given at their defaults.

    Raises:
        PydanticCustomError: An option is unknown.
        ValidationError: One is missing, or of another type.
    """
    fields = [field.name for field in dataclasses.fields(kind) if field.init]
    reject([
        ((option,), f"unknown field {option!r}. {did_you_mean(option, fields)}Fields: {', '.join(fields)}.")
        for option in options if option not in fields
    ])  # fmt: skip
    # as JSON: there a list may become a tuple while everything else stays strict
    made: Any = TypeAdapter(kind).validate_json(json.dumps(options), strict=True)
    return {name: getattr(made, name) for name in fields}
