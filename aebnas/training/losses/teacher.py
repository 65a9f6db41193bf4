"""Distillation from another network: a companion that changes batches and losses, and no loop.

``DistilledBatches`` hand out, with every image, what a trained teacher says about it; ``distilled_phases``
make every exit's loss learn it too:

    (1 - a) loss + a T^2 sum_i w_i KL(teacher || exit i)

The teacher's last exit answers.  It sees the very image that the student sees, at the resolution
that it was trained for.

Source: arXiv 1503.02531.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from aebnas.data.mixup import MixedTargets, Targets
from aebnas.training.checkpoint_callback import Repeatable
from aebnas.training.phase import DistilledExits, ExitLoss, Phase
from aebnas.training.trainer import Batches

DISTILLED_EXITS: dict[DistilledExits, slice] = {
    "all": slice(None),
    "last": slice(-1, None),
    "early": slice(None, -1),
}
"""Which of the exits, in order."""


class SeenBatches(Batches, Repeatable, Protocol):
    """Batches that can be taken up again."""


@dataclass(frozen=True)
class Distillation:
    """How much a student listens to its teacher."""

    share: float
    """``a``, between 0 and 1: of the teacher's answers in the loss."""
    temperature: float
    """``T``: divides both networks' logits; the factor keeps gradients of one size."""


class DistilledBatches:
    """Batches whose targets hold the labels and a teacher's logits; see ``joined``."""

    def __init__(self, student: SeenBatches, seen: SeenBatches, teacher: nn.Module) -> None:
        """Join two views of the same images.

        Args:
            student: Batches at the student's resolution.
            seen: The same images in the same order at the teacher's: made with the same seed.
            teacher: Answers with a list of logits, the last of which teaches; on the batches' device, and put
                into evaluation mode.
        """
        self._student, self._seen, self._teacher = student, seen, teacher.eval()

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._student)

    def __iter__(self) -> Iterator[tuple[Tensor, Targets]]:
        """Yield ``(x, targets)`` of one epoch; the teacher sees mixed images as the student sees them."""
        for (x, shown), (seen, _) in zip(self._student, self._seen, strict=True):
            with torch.no_grad():
                answers = self._teacher(seen)[-1].float()
            if isinstance(shown, MixedTargets):
                yield x, shown.each(partial(joined, answers=answers))
            else:
                yield x, joined(shown, answers)

    def random_states(self) -> list[Tensor]:
        """Return the states behind the epochs begun so far."""
        return [*self._student.random_states(), *self._seen.random_states()]

    def set_random_states(self, states: Sequence[Tensor]) -> None:
        """Go on as the batches did that returned ``states``."""
        student, seen = states
        self._student.set_random_states([student])
        self._seen.set_random_states([seen])


def joined(labels: Tensor, answers: Tensor) -> Tensor:
    """Return labels ``(batch,)`` and logits ``(batch, classes)`` as targets ``(batch, 1 + classes)``.

    Labels become floats: exact, as there are fewer than 2**24 classes.
    """
    return torch.cat([labels[:, None].to(answers.dtype), answers], dim=1)


def parted(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the labels and logits that were joined."""
    return targets[:, 0].to(torch.int64), targets[:, 1:]


def distilled_phases(
    phases: Sequence[Phase], distillation: Distillation, weights: Sequence[float], one_exit: float
) -> list[Phase]:
    """Return phases for ``DistilledBatches``.

    Args:
        phases: Of a training mode.
        distillation: Share and temperature.
        weights: One loss weight per exit.
        one_exit: Cross-entropy of one exit that knows nothing, in nats: it is as far from a confident
            teacher as from a label.
    """
    soft = distillation.share * distillation.temperature**2 * one_exit
    return [
        replace(
            phase,
            loss=_distilled_loss(phase, distillation, weights),
            chance=(1 - distillation.share) * phase.chance
            + soft * sum(weights[DISTILLED_EXITS[phase.distilled]]),
        )
        for phase in phases
    ]


def _distilled_loss(phase: Phase, distillation: Distillation, weights: Sequence[float]) -> ExitLoss:
    share, temperature, each = (
        distillation.share,
        distillation.temperature,
        weights[DISTILLED_EXITS[phase.distilled]],
    )

    def loss(logits: list[Tensor], targets: Tensor) -> Tensor:
        labels, answers = parted(targets)
        teacher = log_softmax(answers / temperature, dim=1)
        total = (1 - share) * phase.loss(logits, labels)
        for weight, exit_logits in zip(each, logits[DISTILLED_EXITS[phase.distilled]], strict=True):
            student = log_softmax(exit_logits / temperature, dim=1)
            soft = kl_div(student, teacher, reduction="batchmean", log_target=True)
            total = total + share * temperature**2 * weight * soft
        return total

    return loss
