"""What a training compares the logits of an exit with: the half of the task that needs torch.

The other half, what an exit answers and whether that is right, stands in ``aebnas.task.answers``.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import cross_entropy


def labelled_loss(
    logits: Tensor,
    labels: Tensor,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "none"] = "mean",
) -> Tensor:
    """Return how far the logits of one exit are from the labels, in nats.

    Args:
        logits: ``(batch, classes)``.
        labels: Class indices, ``(batch,)``.
        label_smoothing: Share of the target spread over all classes.
        reduction: Over the batch: its mean, or ``(batch,)`` values.
    """
    return cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)
