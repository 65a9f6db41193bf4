"""The ways of training, by the name that ``training.loss`` gives them.

To add one, write a ``TrainingMode`` in a module of its own and enter it here, and its options in
``config/loss_schema.py``.
"""

from __future__ import annotations

from aebnas.training.boosted import boosted
from aebnas.training.distillation import self_distilled
from aebnas.training.frozen import frozen
from aebnas.training.jei import jei
from aebnas.training.joint import balanced, summed
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
