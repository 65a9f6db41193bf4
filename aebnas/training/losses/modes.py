"""The ways of training, by the name that ``training.loss`` gives them.

To add one, write a ``TrainingMode`` in a module of its own and enter it here, and its options in
``config/sections/losses.py``.
"""

from __future__ import annotations

from aebnas.training.losses.boosted import boosted
from aebnas.training.losses.distillation import self_distilled
from aebnas.training.losses.frozen import frozen
from aebnas.training.losses.jei import jei
from aebnas.training.losses.joint import balanced, summed
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
