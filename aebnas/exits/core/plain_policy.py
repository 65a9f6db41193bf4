"""A fitted policy that is a dataclass of plain values: its JSON follows from its fields.

What users bring inherits it, and writes one method.  Must not import torch.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aebnas.errors import DataError
from aebnas.exits.core.policy import CausalPolicy


@dataclass(frozen=True)
class PlainPolicy(CausalPolicy):
    """A policy of which every field is a number, a text, or tuples of them.

    Attributes:
        exit_count: Number of exits.
    """

    exit_count: int

    @property
    def exits(self) -> int:
        """Number of exits."""
        return self.exit_count

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: where the class is defined, the number of exits, the fields."""
        fields = dataclasses.asdict(self)
        kind = f"{type(self).__module__}:{type(self).__qualname__}"
        return {"policy": kind, "exits": fields.pop("exit_count"), **fields}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or unknown.
        """
        fields = {"exit_count" if name == "exits" else name: _tuples(data[name]) for name in data}
        fields.pop("policy", None)
        names = {field.name for field in dataclasses.fields(cls)}
        if set(fields) != names:
            wrong = ", ".join(sorted(set(fields) ^ names))
            raise DataError(f"Not a {cls.__name__}: {wrong} missing or unknown.")
        return cls(**fields)


def _tuples(value: Any) -> Any:
    """Return lists, as JSON has them, as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
