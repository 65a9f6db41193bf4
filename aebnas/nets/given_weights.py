"""Whether a network that somebody brought is still what it was: weights bit for bit, its own head last."""

from __future__ import annotations

from enum import Enum

import torch
from torch import nn

from aebnas.blocks.layer import Layer
from aebnas.nets.network import EarlyExitNetwork


class Given(Enum):
    """What a network with exits has of one that somebody brought."""

    NOTHING = "nothing"
    """It was built and trained here."""
    UNTOUCHED = "untouched"
    """All of it: where no exit answers before, it answers bit for bit as the given network."""
    OTHER_HEAD = "other head"
    """Its backbone, behind which a new classifier answers last."""
    TRAINED = "trained"
    """Its layers, whose weights were trained further."""


def given_part(network: EarlyExitNetwork) -> Given:
    """Return what a network has of one that somebody brought; its weights are held against the given ones.

    Raises:
        ConfigError, NetworkError: The given network is not there any more, or became another one.
    """
    pairs = [
        pair
        for plan, part in zip(network.plan, network.segments(), strict=True)
        for pair in zip(plan.layers(), (*part.backbone, *part.exit), strict=True)
    ]
    given = [(layer, module) for layer, module in pairs if layer.brings_weights]
    if not given:
        return Given.NOTHING
    if not all(_is_as_given(layer, module) for layer, module in given):
        return Given.TRAINED
    # its own head may be followed by its answers in another order; of a new one nothing was brought
    own_head = any(layer.brings_weights for layer in network.plan[-1].exit)
    return Given.UNTOUCHED if own_head and not network.boosting_coefficient else Given.OTHER_HEAD


def _is_as_given(layer: Layer, module: nn.Module) -> bool:
    given, own = layer.build().state_dict(), module.state_dict()
    return given.keys() == own.keys() and all(torch.equal(own[name], given[name]) for name in given)
