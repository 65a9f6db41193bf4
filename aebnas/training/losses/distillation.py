"""Self-distillation: early exits learn the labels and what the last exit says.

Gradients are in equilibrium as without distillation.
Source: IMTA (ICCV 2019), whose teacher is the last exit; arXiv 1503.02531 for the temperature.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from aebnas.config.sections.losses import SelfDistillationConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.labelled import labelled_loss
from aebnas.training.phase import Phase, chance, options_of


def self_distilled(
    network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]
) -> list[Phase]:
    """Return one phase of ``distillation_loss``; weights are not read."""
    options, smoothing = options_of(config, SelfDistillationConfig), config.label_smoothing
    share, temperature = options.distillation, options.temperature
    early = (network.exits - 1) * (1 - share + share * temperature**2)
    return [
        Phase(
            config.epochs,
            lambda logits, labels: distillation_loss(logits, labels, share, temperature, smoothing),
            (early + 1) * chance(network),
            equilibrium=True,
        )
    ]


def distillation_loss(
    logits: Sequence[Tensor], labels: Tensor, share: float, temperature: float, label_smoothing: float = 0.0
) -> Tensor:
    """Return the last exit's cross-entropy plus, per early exit, ``(1 - a) CE + a T^2 KL(last || early)``.

    Args:
        logits: One tensor ``(batch, classes)`` per exit.
        labels: Class indices, shape ``(batch,)``.
        share: ``a``, between 0 and 1.
        temperature: ``T``, divides both exits' logits; the factor keeps gradients of one size.
        label_smoothing: Of the cross-entropies.

    Returns:
        A scalar, in nats; it has no gradient with respect to the last exit as a teacher.
    """
    teacher = log_softmax(logits[-1].detach() / temperature, dim=1)
    total = labelled_loss(logits[-1], labels, label_smoothing=label_smoothing)
    for early in logits[:-1]:
        hard = labelled_loss(early, labels, label_smoothing=label_smoothing)
        student = log_softmax(early / temperature, dim=1)
        soft = kl_div(student, teacher, reduction="batchmean", log_target=True)
        total = total + (1 - share) * hard + share * temperature**2 * soft
    return total
