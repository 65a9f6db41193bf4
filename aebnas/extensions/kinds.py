"""What can be named from outside, and what such a thing must be.

A kind is told by the class it inherits.  The class is given by its full name, because this room comes before
the rooms that define it.  Must not import torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One kind of thing."""

    noun: str
    """What it is, for messages: ``block``."""
    law: str
    """What it must be: ``a class that inherits aebnas.blocks.block.Block``."""
    contract: str
    """Its test class in ``aebnas.testing``."""
    is_kept: Callable[[Any], bool]
    """Whether a loaded object keeps the law."""


def subclass(noun: str, base: str, contract: str) -> Kind:
    """Return a kind of which every member is a class that inherits ``base``, a full name."""

    def is_kept(loaded: Any) -> bool:
        names = [f"{cls.__module__}.{cls.__qualname__}" for cls in getattr(loaded, "__mro__", ())]
        return inspect.isclass(loaded) and base in names[1:] and not inspect.isabstract(loaded)

    law = f"a class that inherits {base} and defines all that is abstract there"
    return Kind(noun, law, contract, is_kept)


def function(noun: str, arguments: tuple[str, ...], contract: str) -> Kind:
    """Return a kind of which every member is a function of one argument, called one of ``arguments``."""

    def is_kept(loaded: Any) -> bool:
        return inspect.isfunction(loaded) and [*inspect.signature(loaded).parameters][:1] in [
            [name] for name in arguments
        ]

    return Kind(noun, f"a function whose argument is called {' or '.join(arguments)}", contract, is_kept)


def instance(noun: str, base: str, contract: str) -> Kind:
    """Return a kind of which every member is an object of a class that inherits ``base``, a full name."""

    def is_kept(loaded: Any) -> bool:
        names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(loaded).__mro__]
        return not inspect.isclass(loaded) and base in names[1:]

    return Kind(noun, f"an object of a class that inherits {base}", contract, is_kept)


def any_function(noun: str, contract: str) -> Kind:
    """Return a kind of which every member is a function; its arguments are the options in the file."""
    return Kind(noun, "a function whose arguments are the options", contract, inspect.isfunction)


def either(noun: str, *kinds: Kind) -> Kind:
    """Return a kind of which every member is of one of several."""
    return Kind(
        noun,
        ", or ".join(kind.law for kind in kinds),
        " or ".join(kind.contract for kind in kinds),
        lambda loaded: any(kind.is_kept(loaded) for kind in kinds),
    )


BLOCK = subclass("block", "aebnas.blocks.block.Block", "BlockContract")
SCORE = function("exit score", ("probabilities", "logits"), "ScoreContract")
FAMILY = subclass("exit policy", "aebnas.exits.policies.family.PolicyFamily", "PolicyContract")
POLICY = either("exit policy", FAMILY, SCORE)
"""What ``exits.policy`` may name: a score means thresholds on it."""
FITTED = subclass("fitted exit policy", "aebnas.exits.core.policy.CausalPolicy", "PolicyContract")
LOSS = subclass("training loss", "aebnas.training.losses.loss.TrainingLoss", "LossContract")
METRIC = instance("metric", "aebnas.task.metrics.metric.Metric", "MetricContract")
DATASET = any_function("data set", "DatasetContract")
SPACE = subclass("kind of search space", "aebnas.space.kind.SpaceKind", "SpaceContract")
