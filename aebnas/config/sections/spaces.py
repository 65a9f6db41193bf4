"""What sections of all kinds of search space have in common.  Must not import torch."""

from __future__ import annotations

from typing import Any

from aebnas.config.choices import Frozen

STAGED = "staged"
"""The kind that a section without ``kind`` has."""


class SpaceSection(Frozen):
    """What can be built; ``kind`` says in which way it is described."""

    kind: str
    """The kind of space."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the kind by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}

    @property
    def exit_positions(self) -> tuple[str, ...] | None:
        """Return the names that early exits may have, in order; None: the space tells, not its section."""
        return None

    @property
    def may_lack_exits(self) -> bool:
        """Return whether some network lacks an exit that others have; True where only the space knows."""
        return True
