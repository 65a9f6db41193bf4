"""The ways of training, by the name that ``training.loss`` gives them: ours in a table, others from outside.

To add one, write a ``TrainingMode`` in a module of its own and enter it here, and its options in
``config/sections/losses.py``.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from aebnas.config.sections.losses import LossConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import CodeError
from aebnas.extensions import kinds
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.boosted import boosted
from aebnas.training.losses.distillation import self_distilled
from aebnas.training.losses.frozen import frozen
from aebnas.training.losses.jei import jei
from aebnas.training.losses.joint import balanced, summed
from aebnas.training.losses.loss import TrainingLoss
from aebnas.training.losses.mixed import mixed
from aebnas.training.phase import ExitLoss, Phase, TrainingMode

FROM_OUTSIDE = "This is code from outside AEBNAS"
"""How messages end that tell a mistake of the user's code."""
MODES: dict[str, TrainingMode] = {
    "gradient_equilibrium": balanced,
    "uniform": summed,
    "weighted": summed,
    "self_distillation": self_distilled,
    "boosted": boosted,
    "frozen": frozen,
    "jei": jei,
    "mixed": mixed,
}


def mode_of(loss: LossConfig) -> TrainingMode:
    """Return the way of training that settings ask for.

    Raises:
        CodeError: It is from outside, and its code is missing, wrong or not allowed; also where the way
            of training then returns no phases, or a loss that has no gradient.
    """
    if not is_outside(loss.name):
        return MODES[loss.name]
    made: TrainingLoss = loaded(loss.name, kinds.LOSS)(**loss.options)

    def checked_plan(
        network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]
    ) -> list[Phase]:
        phases: object = made.plan(network, config, weights)
        if not (isinstance(phases, list) and phases and all(isinstance(phase, Phase) for phase in phases)):
            raise CodeError(
                f"plan() of the training loss {loss.name} must return a list of phases "
                f"(aebnas.training.phase.Phase), but returned {_shown(phases)}. {FROM_OUTSIDE}"
            )
        return [replace(phase, loss=_checked(phase.loss, loss.name)) for phase in phases]

    return checked_plan


def _checked(loss: ExitLoss, name: str) -> ExitLoss:
    """Return a loss from outside that tells, as the user's mistake, what cannot be trained on."""

    def checked_loss(logits: list[Tensor], labels: Tensor) -> Tensor:
        value: object = loss(logits, labels)
        if not isinstance(value, Tensor) or value.shape or not value.is_floating_point():
            what = f"returned {_shown(value)}"
        elif not value.requires_grad:
            what = "returned one without a gradient: compute it from the logits, without detach() or item()"
        else:
            return value
        raise CodeError(
            f"the training loss {name} must return one number as a tensor of shape () and of floats, "
            f"with a gradient, but {what}. {FROM_OUTSIDE}"
        )

    return checked_loss


def _shown(value: object) -> str:
    """Return what was returned instead, in words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    return f"an empty {type(value).__name__}" if value == [] else f"a {type(value).__name__}"
