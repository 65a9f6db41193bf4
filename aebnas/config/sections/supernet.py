"""How the supernet is trained: the section ``supernet`` of a search-space file.

Batch size, clipping, label smoothing, number format and augmentation are those of the
section ``training``; with SGD momentum and weight decay too.  Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, reject

DISTILLATION = 0.5
"""Share of the teacher's answers under the sandwich rule, unless the file says another."""

RATE_FACTOR = 2.0
"""Of ``training.learning_rate``: the peak with SGD, unless the file says another."""
ADAMW_RATE = 0.005
"""The peak with AdamW, unless the file says another."""
ADAMW_DECAY = 0.01
"""Weight decay of AdamW, torch's default: decoupled from gradients, it is not ``training.weight_decay``."""
ADAMW_BETAS = (0.9, 0.99)

AVERAGE_WARMUP = 10
"""The average's decay at step ``n`` is at most ``(n + 1) / (n + 10)``: it forgets the first, random weights.

Source: TensorFlow's ExponentialMovingAverage, ``num_updates``.
"""


class SupernetConfig(Frozen):
    """How the shared weights are trained, for the fidelity inherited."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """Passes over the train split."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """adamw (betas 0.9 and 0.99, decay 0.01) ranks inherited subnets of mnist5k far better, at lower
    accuracies."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] | None = None
    """Peak of the one-cycle schedule; null: twice that of training, for averaged gradients; adamw: 0.005."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all steps in which the learning rate rises."""
    rule: Literal["sandwich", "fair"] = "sandwich"
    """Networks of a step: the largest, the smallest and random ones, or random ones alone."""
    networks: Annotated[int, Field(ge=2, le=64)] = 4
    """Networks trained in each step; two are the ends alone under the sandwich rule."""
    branches: Annotated[int, Field(ge=1, le=64)] = 4
    """Random exit branches at each position of each of these networks."""
    distillation: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the largest network's soft answers in what others learn; null: 0.5 under the sandwich rule."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Temperature of those soft answers."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay, per step, of a running average of the weights used in their place, lower at first; 0: none."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the networks of each step: one per core, or per GPU; no more than networks."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the supernet; not the search's, so that searches of different seeds share it."""
    reuse: Literal["auto", "never"] = "auto"
    """auto: a finished supernet of a neighbouring run is used, if space, data and settings are the same."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """A trained supernet to use, of this space or of one with more choices; null: found or trained."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How often an unfinished training is saved: a kill loses no more."""

    @model_validator(mode="after")
    def _has_a_teacher(self) -> SupernetConfig:
        if self.rule == "fair" and self.distillation:
            text = "goes with rule: sandwich, which trains the teacher in each step, but rule is fair"
            reject([(("distillation",), text)])
        return self

    def peak_rate(self, training_rate: float) -> float:
        """Return the largest learning rate of a supernet's training; ``training_rate``: that of networks."""
        if self.learning_rate is not None:
            return self.learning_rate
        return ADAMW_RATE if self.optimizer == "adamw" else RATE_FACTOR * training_rate

    @property
    def teacher_share(self) -> float:
        """Return the share of the teacher's answers: 0 where steps have no teacher."""
        if self.rule == "fair":
            return 0.0
        return DISTILLATION if self.distillation is None else self.distillation
