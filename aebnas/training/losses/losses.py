"""Joint losses of early-exit networks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from aebnas.training.losses.labelled import labelled_loss


def joint_cross_entropy(
    logits: Sequence[Tensor], labels: Tensor, weights: Sequence[float], label_smoothing: float = 0.0
) -> Tensor:
    """Return the weighted sum of the exits' mean cross-entropies.

    Args:
        logits: One tensor ``(batch, classes)`` per exit.
        labels: Class indices, shape ``(batch,)``.
        weights: One weight per exit.
        label_smoothing: Share of the target spread over all classes.

    Returns:
        A scalar, in nats.
    """
    losses = [
        weight * labelled_loss(exit_logits, labels, label_smoothing=label_smoothing)
        for exit_logits, weight in zip(logits, weights, strict=True)
    ]
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total
