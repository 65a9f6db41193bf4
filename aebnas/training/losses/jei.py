"""JEI-DNN: heads and gates trained jointly, so that heads are trained on the samples they will answer.

The bi-level surrogate of the paper's loss ``E[sum_l P(exit at l) (CE_l + lambda C_l)]``:

- heads minimise ``sum_l P_l CE_l`` with ``P_l = min(g_l, 1 - g_0 - ... - g_{l-1})``, not below 0,
  held fixed; the last exit has the rest;
- gates, linear in four features of their head's answer held fixed, minimise the binary
  cross-entropy towards "the best exit ``argmin(CE_l + lambda C_l)`` is l or earlier", the ones
  weighted by their rarity in the batch, at most 5.

As in the paper, backbone and last exit are frozen meanwhile.  Differences: they are not
pretrained elsewhere but by a first phase, the joint training with gradient equilibrium (the
paper warms its heads up alone); both levels are descended in every step, not alternately (their
gradients touch different weights); C is the share of the full MACs.

The gates end with the training: ``aebnas.exits.policies.jei`` fits gates of any price to the logits.

Source: JEI-DNN (ICLR 2024) and its code, networkslab/dynn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from aebnas.config.sections.losses import JeiLossConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.hardware.cost.cost import plan_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.joint import balanced
from aebnas.training.losses.labelled import labelled_loss
from aebnas.training.phase import Phase, all_but_early_heads, chance, first_epochs, options_of

MOST_WEIGHT = 5.0
"""Cap on the weight of the rarer ones."""
FEATURES = 4


class ExitGates(nn.Module):
    """One linear gate per early exit on ``gate_features``; all begin at one half."""

    def __init__(self, count: int) -> None:
        """Make ``count`` gates."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, FEATURES))
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, logits: Sequence[Tensor]) -> Tensor:
        """Return gate logits ``(batch, count)`` from the detached logits of each early exit."""
        features = torch.stack([gate_features(exit_logits.detach()) for exit_logits in logits], dim=1)
        gates: Tensor = (features * self.weight).sum(dim=2) + self.bias
        return gates


def jei(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return two phases, all exits and then heads with gates; one for a network without early exits."""
    (warm_up,) = balanced(network, config, weights)
    early = network.exits - 1
    if not early:
        return [warm_up]
    device = next(network.parameters()).device
    gates = ExitGates(early).to(device)
    options = options_of(config, JeiLossConfig)
    cost = options.exit_price * relative_cost(network).to(device)
    epochs = first_epochs(config.epochs, options.first_phase)
    return [
        replace(warm_up, epochs=epochs),
        Phase(
            config.epochs - epochs,
            lambda logits, labels: jei_loss(logits, labels, gates(logits[:-1]), cost, config.label_smoothing),
            chance(network) + early * MOST_WEIGHT * math.log(2),
            frozen=all_but_early_heads(network),
            companion=gates,
            distilled="early",
        ),
    ]


def jei_loss(
    logits: Sequence[Tensor], labels: Tensor, gates: Tensor, cost: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Return the heads' loss plus the gates' loss, as the module describes them.

    Args:
        logits: One tensor ``(batch, classes)`` per exit.
        labels: Class indices, shape ``(batch,)``.
        gates: Gate logits of the early exits, shape ``(batch, exits - 1)``.
        cost: Price times cost of leaving at each exit, in nats; shape ``(exits,)``.
        label_smoothing: Of the cross-entropies.

    Returns:
        A scalar, in nats; means over the batch.
    """
    losses = [
        labelled_loss(exit_logits, labels, label_smoothing=label_smoothing, reduction="none")
        for exit_logits in logits
    ]
    per_exit = torch.stack(losses, dim=1)
    heads = (exit_probabilities(gates.detach().sigmoid()) * per_exit).sum(dim=1).mean()
    best = (per_exit.detach() + cost).argmin(dim=1)
    target = (best[:, None] <= torch.arange(gates.shape[1], device=gates.device)).to(gates.dtype)
    ones = target.sum(dim=0)
    rarity = ((len(target) - ones) / ones.clamp(min=1)).clamp(max=MOST_WEIGHT)
    each = binary_cross_entropy_with_logits(gates, target, pos_weight=rarity, reduction="none")
    return heads + each.mean(dim=0).sum()


def exit_probabilities(gates: Tensor) -> Tensor:
    """Return the probability of leaving at each exit; ``(batch, exits - 1)`` to ``(batch, exits)``."""
    before = gates.cumsum(dim=1) - gates
    early = torch.minimum(gates, 1 - before).clamp(min=0)
    return torch.cat([early, (1 - early.sum(dim=1, keepdim=True)).clamp(min=0)], dim=1)


def gate_features(logits: Tensor) -> Tensor:
    """Return largest probability, entropy, margin and entropy of squares; ``(N, K)`` to ``(N, 4)``.

    Those of ``aebnas.exits.policies.jei``; entropies in nats.
    """
    probabilities = logits.softmax(dim=1)
    squares = (2 * logits).softmax(dim=1)  # the normalised squared probabilities
    top = probabilities.topk(2, dim=1).values
    columns = [top[:, 0], _entropy(probabilities), top[:, 0] - top[:, 1], _entropy(squares)]
    return torch.stack(columns, dim=1)


def relative_cost(network: EarlyExitNetwork) -> Tensor:
    """Return the MACs to leave at each exit as shares of the last exit's, shape ``(exits,)``."""
    reach = plan_cost(network.plan).reach_macs
    return torch.tensor(reach / reach[-1], dtype=torch.float32)


def _entropy(probabilities: Tensor) -> Tensor:
    return torch.special.entr(probabilities).sum(dim=1)
