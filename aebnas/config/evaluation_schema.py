"""How a candidate is scored: the section ``evaluation`` of a search-space file.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from aebnas.config.choices import Frozen, Wrong
from aebnas.config.loss_schema import names_where
from aebnas.config.surrogate_schema import SurrogateName
from aebnas.config.training_schema import TrainingConfig

HALVING = ("eta", "min_epochs")
"""Options that only ``mode: successive_halving`` reads."""
FINETUNING = ("finetune", "finetune_learning_rate")
"""Options that only ``finetune_epochs`` above 0 reads."""


class EvaluationConfig(Frozen):
    """How a candidate is scored, and which are too large to be tried."""

    mode: Literal["scratch", "supernet", "successive_halving"] = "scratch"
    """scratch: each is trained from random weights; supernet: it inherits; or more epochs for the better."""
    eta: Annotated[int, Field(ge=2, le=1000)] = 3
    """One in so many goes on to the next rung, for mode: successive_halving; rungs are about as far apart."""
    min_epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Epochs of the first rung, which every candidate gets; the last rung has training.epochs."""
    recalibration_images: Annotated[int, Field(ge=2)] = 1000
    """Training images for an heir's batch-norm statistics, in full batches of 250 where there are as many."""
    finetune_epochs: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Epochs in which an heir is trained further, one-cycle as in training; 0: it is scored as it is."""
    finetune: Literal["all", "exits"] = "all"
    """What these epochs change: every weight, or those of the early exit branches."""
    finetune_learning_rate: Annotated[float, Field(gt=0, le=100)] | None = None
    """Their peak learning rate; null: a tenth of training's."""
    finalists: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Heirs, the best of a whole search, that are trained for training.epochs in its end; 0: none."""
    max_training_macs: Annotated[float, Field(gt=0)] | None = None
    """Refuse a candidate, before training, whose MACs x images x epochs exceed this."""
    max_memory_mb: Annotated[float, Field(gt=0)] | None = None
    """Refuse a candidate, before training, whose estimated training memory exceeds this."""


def wrong_evaluation(
    evaluation: EvaluationConfig, training: TrainingConfig, surrogate: SurrogateName
) -> list[Wrong]:
    """Return what does not fit the mode of evaluation."""
    mode, loss, wrong = evaluation.mode, training.loss, list[Wrong]()
    if mode == "supernet" and not loss.suits_supernets:
        choices = ", ".join(names_where("suits_supernets"))
        text = (
            f"evaluation.mode: supernet trains all exits together: must be one of {choices}, not {loss.name}"
        )
        wrong.append((("training", "loss"), text))
    if mode != "supernet" and evaluation.finetune_epochs:
        text = f"goes with evaluation.mode: supernet, but mode is {mode}"
        wrong.append((("evaluation", "finetune_epochs"), text))
    if evaluation.finalists:
        wrong += _wrong_finalists(evaluation, training)
    if mode == "successive_halving":
        return wrong + _wrong_halving(evaluation, training, surrogate)
    text = f"goes with evaluation.mode: successive_halving, but mode is {mode}"
    return wrong + [(("evaluation", name), text) for name in _given(evaluation, HALVING)]


def unread_options(evaluation: EvaluationConfig) -> list[str]:
    """Return what is given of inheritance although nothing reads it, with what would."""
    found = []
    if evaluation.mode != "supernet":
        found += [f"{name} (mode: supernet)" for name in _given(evaluation, ("recalibration_images",))]
    if not evaluation.finetune_epochs:
        found += [f"{name} (finetune_epochs above 0)" for name in _given(evaluation, FINETUNING)]
    return found


def _given(evaluation: EvaluationConfig, names: Sequence[str]) -> list[str]:
    fields = EvaluationConfig.model_fields
    return [name for name in names if getattr(evaluation, name) != fields[name].default]


def _wrong_finalists(evaluation: EvaluationConfig, training: TrainingConfig) -> list[Wrong]:
    if evaluation.mode != "supernet":
        text = f"goes with evaluation.mode: supernet, but mode is {evaluation.mode}"
        return [(("evaluation", "finalists"), text)]
    if evaluation.finetune_epochs < training.epochs:
        return []
    text = (
        f"get training.epochs ({training.epochs}), which must be more than the evaluation.finetune_epochs of "
        f"every heir ({evaluation.finetune_epochs})"
    )
    return [(("evaluation", "finalists"), text)]


def _wrong_halving(
    evaluation: EvaluationConfig, training: TrainingConfig, surrogate: SurrogateName
) -> list[Wrong]:
    wrong: list[Wrong] = []
    if evaluation.min_epochs >= training.epochs:
        text = (
            f"must be < training.epochs ({training.epochs}), so that the better candidates get more than the "
            f"others, but got {evaluation.min_epochs}"
        )
        wrong.append((("evaluation", "min_epochs"), text))
    if training.loss.phases > 1:
        text = (
            "evaluation.mode: successive_halving trains in several parts, each with all exits together: "
            f"must not be {training.loss.name}, which has phases of its own and goes with mode: scratch"
        )
        wrong.append((("training", "loss"), text))
    if surrogate != "none":
        text = (
            "learns the error after one and the same training, but evaluation.mode: successive_halving "
            "trains candidates for different numbers of epochs; set surrogate: none, or mode: scratch"
        )
        wrong.append((("search", "surrogate"), text))
    return wrong
