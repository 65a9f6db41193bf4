"""Objectives and constraints: the quantities, their limits, and what contradicts.

A contradiction that no architecture can solve is found here, before hours of
training end with an empty front.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import model_validator

from aebnas.config.choices import Frozen, Wrong

Metric = Literal["error", "macs", "worst_macs", "params", "peak_activation_bytes"]
BoundedMetric = Literal["error", "accuracy", "macs", "worst_macs", "params", "peak_activation_bytes"]

SHARES: tuple[BoundedMetric, ...] = ("error", "accuracy")
"""Quantities between 0 and 1; all others are sizes, above 0 without a limit."""


class Bound(Frozen):
    """Limits of one quantity."""

    min: float | None = None
    """Smallest allowed value."""
    max: float | None = None
    """Largest allowed value."""

    @model_validator(mode="after")
    def _is_a_bound(self) -> Bound:
        if self.min is None and self.max is None:
            raise ValueError("a constraint needs min or max, as in {max: 3e6}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min <= max must hold, but got (min={self.min:g}, max={self.max:g})")
        return self


_UNLIMITED = Bound.model_construct()


def wrong_objectives(objectives: Sequence[str], constraints: Mapping[BoundedMetric, Bound]) -> list[Wrong]:
    """Return what is wrong with the objectives, given the constraints."""
    wrong: list[Wrong] = [
        (("objectives", i), f"{name!r} is listed twice")
        for i, name in enumerate(objectives)
        if name in objectives[:i]
    ]
    keeps_accuracy = (
        _limit(constraints, "accuracy", "min") is not None or _limit(constraints, "error", "max") is not None
    )
    if "error" not in objectives and not keeps_accuracy:
        cure = "add error, or constrain accuracy: {min: ...}"
        wrong.append((("objectives",), f"nothing asks for accuracy, so the smallest network wins; {cure}"))
    return wrong


def wrong_constraints(constraints: Mapping[BoundedMetric, Bound]) -> list[Wrong]:
    """Return the limits that are impossible alone or together."""
    wrong = [problem for name, bound in constraints.items() for problem in _wrong_limits(name, bound)]
    return wrong or _contradictions(constraints)


def wrong_start(
    initial_max_macs: float | None,
    initial_max_params: float | None,
    constraints: Mapping[BoundedMetric, Bound],
) -> list[Wrong]:
    """Return the limits on initial architectures that leave no feasible one to start from."""
    wrong: list[Wrong] = []
    pairs: tuple[tuple[str, float | None, tuple[BoundedMetric, ...]], ...] = (
        ("initial_max_macs", initial_max_macs, ("macs", "worst_macs")),
        ("initial_max_params", initial_max_params, ("params",)),
    )
    for field, largest, names in pairs:
        for name in names:
            smallest = _limit(constraints, name, "min")
            if largest is not None and smallest is not None and largest < smallest:
                message = f"must be >= constraints.{name}.min ({smallest:g}), but got {largest:g}"
                wrong.append((("search", field), message))
    return wrong


def _limit(
    constraints: Mapping[BoundedMetric, Bound], name: BoundedMetric, side: Literal["min", "max"]
) -> float | None:
    bound = constraints.get(name)
    if bound is None:
        return None
    return bound.min if side == "min" else bound.max


def _wrong_limits(name: BoundedMetric, bound: Bound) -> list[Wrong]:
    wrong: list[Wrong] = []
    for side, value in (("min", bound.min), ("max", bound.max)):
        if value is None:
            continue
        path = ("constraints", name, side)
        if name in SHARES and not 0 <= value <= 1:
            wrong.append((path, f"is a share: must be >= 0 and <= 1, but got {value:g}"))
        elif value < 0 or (side == "max" and value == 0 and name != "error"):
            wrong.append((path, f"must be {'>' if side == 'max' else '>='} 0, but got {value:g}"))
    return wrong


def _contradictions(constraints: Mapping[BoundedMetric, Bound]) -> list[Wrong]:
    """Return limits that a limit on a related quantity excludes."""
    error, accuracy = (constraints.get(name, _UNLIMITED) for name in SHARES)
    wrong: list[Wrong] = []
    if accuracy.min is not None and error.min is not None and accuracy.min + error.min > 1 + 1e-9:
        message = f"accuracy is 1 - error, so must be <= {1 - error.min:g}, but got {accuracy.min:g}"
        wrong.append((("constraints", "accuracy", "min"), message))
    if accuracy.max is not None and error.max is not None and accuracy.max + error.max < 1 - 1e-9:
        message = f"accuracy is 1 - error, so must be >= {1 - error.max:g}, but got {accuracy.max:g}"
        wrong.append((("constraints", "accuracy", "max"), message))
    smallest, largest = _limit(constraints, "macs", "min"), _limit(constraints, "worst_macs", "max")
    if smallest is not None and largest is not None and smallest > largest:
        message = f"macs never exceed worst_macs, so must be <= {largest:g}, but got {smallest:g}"
        wrong.append((("constraints", "macs", "min"), message))
    return wrong
