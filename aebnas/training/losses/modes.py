"""The ways of training, by the name that ``training.loss`` gives them: ours in a table, others from outside.

To add one, write a ``TrainingMode`` in a module of its own and enter it here, and its options in
``config/sections/losses.py``.
"""

from __future__ import annotations

from aebnas.config.sections.losses import LossConfig
from aebnas.extensions import kinds
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside
from aebnas.training.losses.boosted import boosted
from aebnas.training.losses.distillation import self_distilled
from aebnas.training.losses.frozen import frozen
from aebnas.training.losses.jei import jei
from aebnas.training.losses.joint import balanced, summed
from aebnas.training.losses.loss import TrainingLoss
from aebnas.training.phase import TrainingMode

MODES: dict[str, TrainingMode] = {
    "gradient_equilibrium": balanced,
    "uniform": summed,
    "weighted": summed,
    "self_distillation": self_distilled,
    "boosted": boosted,
    "frozen": frozen,
    "jei": jei,
}


def mode_of(loss: LossConfig) -> TrainingMode:
    """Return the way of training that settings ask for.

    Raises:
        CodeError: It is from outside, and its code is missing, wrong or not allowed.
    """
    if not is_outside(loss.name):
        return MODES[loss.name]
    made: TrainingLoss = loaded(loss.name, kinds.LOSS)(**loss.options)
    return made.plan
