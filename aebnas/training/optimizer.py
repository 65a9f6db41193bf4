"""The optimizer of a training: SGD with rates of its own for the backbone, and no decay of vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.phase import all_but_new_exits
from aebnas.training.schedule import one_cycle

MULTIPLIER = "rate_multiplier"
"""Of a group of weights: times the learning rate of a step."""


def optimizer_of(
    network: EarlyExitNetwork, trained: Sequence[nn.Parameter], config: TrainingConfig
) -> torch.optim.SGD:
    """Return the optimizer of one phase.

    Args:
        network: Says which weights are its backbone's, whose rate has a multiplier.
        trained: Weights that the phase trains, those of a companion too.
        config: Rates, momentum, decay; decay is for weights of two and more dimensions.
    """
    multiplier = config.backbone_rate_multiplier
    slow_parts = all_but_new_exits(network) if multiplier != 1 else ()
    slower = {id(p) for part in slow_parts for p in part.parameters()}
    groups = []
    for is_slower in (False, True) if multiplier != 1 else (False,):
        weights = [p for p in trained if (id(p) in slower) == is_slower]
        own = multiplier if is_slower else 1.0
        groups += [
            {
                "params": [p for p in weights if p.ndim > 1],
                "weight_decay": config.weight_decay,
                MULTIPLIER: own,
            },
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0, MULTIPLIER: own},
        ]
    return torch.optim.SGD(
        groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0, fused=True
    )


def set_rates(optimizer: torch.optim.Optimizer, step: int, steps: int, config: TrainingConfig) -> None:
    """Give every group its learning rate of a step.

    Args:
        optimizer: Of ``optimizer_of``.
        step: 0 .. ``steps - 1``.
        steps: Of the whole phase.
        config: Peak and warm-up.
    """
    rate = one_cycle(step, steps, config.learning_rate, config.warmup)
    for group in optimizer.param_groups:
        group["lr"] = rate * group[MULTIPLIER]
