"""Phases: what a way of training tells the loop.

A *training mode* turns a network and the settings into phases; the loop in
``trainer.py`` runs them one after the other and knows no mode by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from aebnas.config.sections.losses import LossConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.pretrained.pieces import Piece

Options = TypeVar("Options", bound=LossConfig)
DistilledExits = Literal["all", "last", "early"]
"""Exits that a loss teaches."""
ExitLoss = Callable[[list[Tensor], Tensor], Tensor]
"""From the fp32 logits ``(batch, classes)`` of every exit and the labels ``(batch,)`` to nats."""


@dataclass(frozen=True)
class Phase:
    """Some epochs with one loss, one set of trained weights and a one-cycle schedule of their own."""

    epochs: int
    loss: ExitLoss
    chance: float
    """Loss of a network that knows nothing, in nats: three times as much is a divergence."""
    equilibrium: bool = False
    """Whether gradients are in equilibrium at the exits."""
    frozen: tuple[nn.Module, ...] = ()
    """Parts of the network that stay as they are, their batch-norm statistics included."""
    companion: nn.Module | None = None
    """Trained beside the network, and dropped with the phase."""
    distilled: DistilledExits = "all"
    """Exits that the loss teaches."""


TrainingMode = Callable[[EarlyExitNetwork, TrainingConfig, tuple[float, ...]], list[Phase]]
"""From a network, the settings and one weight per exit to phases."""


def chance(network: EarlyExitNetwork) -> float:
    """Return the cross-entropy of one exit that knows nothing, in nats."""
    return math.log(network.plan[-1].exit[-1].spec.width)


def options_of(config: TrainingConfig, kind: type[Options]) -> Options:
    """Return the options of the loss that a way of training is made for.

    Raises:
        TypeError: The settings name another loss.
    """
    if not isinstance(config.loss, kind):
        raise TypeError(f"{kind.__name__} is needed, but the loss is {config.loss.name}")
    return config.loss


def first_epochs(epochs: int, share: float) -> int:
    """Return the epochs of the first of two phases, at least one for each."""
    return min(max(1, round(share * epochs)), epochs - 1)


def all_but_early_heads(network: EarlyExitNetwork) -> tuple[nn.Module, ...]:
    """Return the backbone and the last exit."""
    return (*(part.backbone for part in network.segments()), network.segments()[-1].exit)


def all_but_new_exits(network: EarlyExitNetwork) -> tuple[nn.Module, ...]:
    """Return the backbone, and of the exits what brought its weights: the classifier of a given network."""
    brought = [
        module
        for plan, part in zip(network.plan, network.segments(), strict=True)
        for layer, module in zip(plan.exit, part.exit, strict=True)
        if layer.brings_weights
    ]
    return (*(part.backbone for part in network.segments()), *brought)


def early_heads(network: EarlyExitNetwork) -> tuple[nn.Module, ...]:
    """Return the branches of all exits but the last."""
    return tuple(part.exit for part in network.segments()[:-1])


@contextmanager
def only_the_rest_trains(
    network: EarlyExitNetwork, frozen: tuple[nn.Module, ...], keeps_statistics: bool = False
) -> Iterator[None]:
    """Put a network into training mode, but for some parts; afterwards every weight can be trained.

    Pieces of a given network that can only be evaluated, as those of a saved program, stay as they are.

    Args:
        network: Is trained.
        frozen: Parts that stay as they are, their batch-norm statistics included.
        keeps_statistics: Whether batch norms of the backbone, and of what brought its weights, normalise by
            the statistics that they have; scale and shift are trained.  A piece of a given network, which
            is one graph, then computes as in evaluation.
    """
    network.train()
    if keeps_statistics:
        for part in all_but_new_exits(network):
            for module in part.modules():
                if isinstance(module, _BatchNorm | Piece):
                    module.eval()
    for part in (*frozen, *_for_evaluation_alone(network)):
        part.eval().requires_grad_(False)
    try:
        yield
    finally:
        network.train().requires_grad_(True)


def _for_evaluation_alone(network: EarlyExitNetwork) -> list[Piece]:
    """Return the pieces of a given network that do not run in training mode."""
    return [part for part in network.modules() if isinstance(part, Piece) and not part.can_be_trained]
