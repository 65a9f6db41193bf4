"""Objectives and constraints: the quantities, their limits, and what contradicts.

A contradiction that no architecture can solve is found here, before hours of
training end with an empty front.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticKnownError

from aebnas.config.choices import Frozen, Wrong, did_you_mean
from aebnas.errors import CodeError
from aebnas.extensions.names import is_outside, parsed_name
from aebnas.files.source_locations import Path
from aebnas.task.metrics.table import DEVICE_METRICS, METRICS, metric_of


def _metric(choices: Sequence[str]) -> AfterValidator:
    def check(name: str) -> str:
        base, at, _ = name.partition("@")
        if is_outside(name):
            return _checked(name)
        if base not in choices or (at and base not in DEVICE_METRICS):
            raise PydanticKnownError("literal_error", {"expected": ", ".join(map(repr, choices))})
        return name

    return AfterValidator(check)


def _checked(name: str) -> str:
    """Return the name of a metric from outside, which is what it must be if it may be loaded.

    Raises:
        ValueError: It is not.
    """
    try:
        parsed_name(name)
        metric_of(name)
    except CodeError as error:
        raise ValueError(str(error)) from error
    return name


ObjectiveName = Annotated[str, _metric([name for name, metric in METRICS.items() if metric.is_objective])]
MetricName = Annotated[str, _metric(list(METRICS))]


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


def bound_violations(value: float, bound: Bound) -> Iterable[float]:
    """Yield how far a value is beyond each limit, as a share of the limit; <= 0 where it holds."""
    if bound.max is not None:
        yield (value - bound.max) / max(abs(bound.max), 1e-12)
    if bound.min is not None:
        yield (bound.min - value) / max(abs(bound.min), 1e-12)


_UNLIMITED = Bound.model_construct()


def wrong_objectives(
    objectives: Sequence[str], constraints: Mapping[str, Bound], profiles: Sequence[str]
) -> list[Wrong]:
    """Return what is wrong with the objectives, given the constraints and the names of profiles."""
    full = [full_name(name, profiles) for name in objectives]
    wrong: list[Wrong] = [
        (("objectives", i), f"{objectives[i]!r} is listed twice")
        for i, name in enumerate(full)
        if name in full[:i]
    ]
    learned = any(metric_of(name).is_learned for name in objectives)
    if not learned and not any(_keeps_quality(name, bound) for name, bound in constraints.items()):
        cure = "add error, or constrain accuracy: {min: ...}"
        wrong.append((("objectives",), f"nothing asks for accuracy, so the smallest network wins; {cure}"))
    return wrong


def profile_names(hardware: Sequence[str]) -> tuple[str, ...]:
    """Return the names of hardware profiles: the stems of their files."""
    return tuple(PurePath(path).stem for path in hardware)


def full_name(metric: str, profiles: Sequence[str]) -> str:
    """Return a metric with its profile, ``latency_ms@NAME``, as results are filed."""
    is_short = metric in DEVICE_METRICS and len(profiles) == 1
    return f"{metric}@{profiles[0]}" if is_short else metric


def wrong_devices(
    hardware: Sequence[str], objectives: Sequence[str], constraints: Mapping[str, Bound]
) -> list[Wrong]:
    """Return which profiles and which quantities of devices do not fit together."""
    profiles = profile_names(hardware)
    wrong: list[Wrong] = [
        (("hardware", i), f"another profile is named {name!r} already")
        for i, name in enumerate(profiles)
        if name in profiles[:i]
    ]
    wrong += [
        (("hardware", i), f"a profile is a .yaml file, but got {path!r}")
        for i, path in enumerate(hardware)
        if PurePath(path).suffix != ".yaml"
    ]
    places: list[tuple[Path, str]] = [(("objectives", i), name) for i, name in enumerate(objectives)]
    places += [(("constraints", name), name) for name in constraints]
    for path, metric in places:
        message = wrong_device(metric, profiles)
        if message:
            wrong.append((path, message))
    return wrong


def wrong_device(metric: str, profiles: Sequence[str]) -> str | None:
    """Return why a quantity cannot be told with these profiles; None where it can."""
    base, at, profile = metric.partition("@")
    if base not in DEVICE_METRICS:
        return None
    if not profiles:
        return f"{base} is measured on a device: name it, as in hardware: [hardware_profiles/NAME.yaml]"
    names = ", ".join(f"{base}@{name}" for name in profiles)
    if not at and len(profiles) > 1:
        return f"with several profiles the device must be named. Choices: {names}."
    if at and profile not in profiles:
        return f"unknown profile {profile!r}. {did_you_mean(profile, profiles)}Choices: {names}."
    return None


def wrong_constraints(constraints: Mapping[str, Bound], profiles: Sequence[str]) -> list[Wrong]:
    """Return the limits that are impossible alone or together, given the names of profiles."""
    wrong = [problem for name, bound in constraints.items() for problem in _wrong_limits(name, bound)]
    return wrong or _contradictions(constraints, profiles)


def wrong_start(
    initial_max_macs: float | None,
    initial_max_params: float | None,
    constraints: Mapping[str, Bound],
) -> list[Wrong]:
    """Return the limits on initial architectures that leave no feasible one to start from."""
    wrong: list[Wrong] = []
    pairs: tuple[tuple[str, float | None, tuple[str, ...]], ...] = (
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


def _keeps_quality(name: str, bound: Bound) -> bool:
    """Return whether a limit keeps what training reaches from being too bad."""
    metric = metric_of(name)
    return metric.is_learned and (bound.max if metric.highest is None else bound.min) is not None


def _limit(constraints: Mapping[str, Bound], name: str, side: Literal["min", "max"]) -> float | None:
    bound = constraints.get(name)
    if bound is None:
        return None
    return bound.min if side == "min" else bound.max


def _wrong_limits(name: str, bound: Bound) -> list[Wrong]:
    wrong: list[Wrong] = []
    metric = metric_of(name)
    for side, value in (("min", bound.min), ("max", bound.max)):
        if value is None:
            continue
        path = ("constraints", name, side)
        if metric.is_share:
            if not 0 <= value <= 1:
                wrong.append((path, f"is a share: must be >= 0 and <= 1, but got {value:g}"))
            elif side == "max" and value == 0 and metric.highest is not None:
                wrong.append((path, f"must be > 0, but got {value:g}"))
        elif not metric.is_learned and (value < 0 or (side == "max" and value == 0)):
            wrong.append((path, f"must be {'>' if side == 'max' else '>='} 0, but got {value:g}"))
    return wrong


def _contradictions(constraints: Mapping[str, Bound], profiles: Sequence[str]) -> list[Wrong]:
    """Return limits that a limit on a related quantity excludes."""
    error, accuracy = (constraints.get(name, _UNLIMITED) for name in ("error", "accuracy"))
    wrong: list[Wrong] = []
    if accuracy.min is not None and error.min is not None and accuracy.min + error.min > 1 + 1e-9:
        message = f"accuracy is 1 - error, so must be <= {1 - error.min:g}, but got {accuracy.min:g}"
        wrong.append((("constraints", "accuracy", "min"), message))
    if accuracy.max is not None and error.max is not None and accuracy.max + error.max < 1 - 1e-9:
        message = f"accuracy is 1 - error, so must be >= {1 - error.max:g}, but got {accuracy.max:g}"
        wrong.append((("constraints", "accuracy", "max"), message))
    by_full_name = {full_name(name, profiles): bound for name, bound in constraints.items()}
    for name, bound in constraints.items():
        worst = by_full_name.get(f"worst_{full_name(name, profiles)}", _UNLIMITED)
        smallest, largest = bound.min, worst.max
        if smallest is not None and largest is not None and smallest > largest:
            message = f"{name} never exceed worst_{name}, so must be <= {largest:g}, but got {smallest:g}"
            wrong.append((("constraints", name, "min"), message))
    return wrong
