"""How a candidate is scored: the section ``evaluation`` of a search-space file.

Must not import torch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import Field

from aebnas.config.choices import Frozen, Items, Wrong
from aebnas.config.sections.fidelities.kinds import InheritedConfig, TrainedConfig
from aebnas.config.sections.fidelities.plan import FidelityConfig, wrong_fidelities
from aebnas.config.sections.losses import names_where
from aebnas.config.sections.spaces import SpaceSection
from aebnas.config.sections.surrogate import SurrogateName
from aebnas.config.sections.training import TrainingConfig

FINETUNING = ("finetune", "finetune_learning_rate")
"""Options that only ``finetune_epochs`` above 0 reads."""


class EvaluationConfig(Frozen):
    """How a candidate is scored, and which are too large to be tried."""

    fidelities: Annotated[Items[FidelityConfig], Field(min_length=1, max_length=64)] = (
        TrainedConfig(kind="trained"),
    )
    """How candidates get their weights; default: [trained], of given networks [heads, finetuned]."""
    max_training_macs: Annotated[float, Field(gt=0)] | None = None
    """Refuse a candidate, before training, whose MACs x images x epochs exceed this."""
    max_memory_mb: Annotated[float, Field(gt=0)] | None = None
    """Refuse a candidate, before training, whose estimated training memory exceeds this."""

    @property
    def recalibration_images(self) -> int:
        """Return the images of batch-norm statistics: of the fidelity that inherits, else the default."""
        inherited = (item for item in self.fidelities if isinstance(item, InheritedConfig))
        return next(inherited, InheritedConfig(kind="inherited")).recalibration_images


def with_usual_plan(
    evaluation: EvaluationConfig, space: SpaceSection, training: TrainingConfig
) -> EvaluationConfig:
    """Return the section with the plan that is usual in a space, where the file says nothing of one.

    Heads are trained each for itself: a loss that needs all exits together has candidates trained whole.
    """
    if "fidelities" in evaluation.model_fields_set or not space.usual_plan:
        return evaluation
    section = EvaluationConfig.model_validate({"fidelities": space.usual_plan})
    if any(item.is_frozen for item in section.fidelities) and not _suits_heads(training):
        return evaluation
    return evaluation.model_copy(update={"fidelities": section.fidelities})


def _suits_heads(training: TrainingConfig) -> bool:
    return training.loss.phases == 1 and not training.loss.boosting_coefficient


def wrong_evaluation(
    evaluation: EvaluationConfig, training: TrainingConfig, surrogate: SurrogateName
) -> list[Wrong]:
    """Return what does not fit the plan of fidelities, relative to the file."""
    items, loss = evaluation.fidelities, training.loss
    inside = wrong_fidelities(items, training.epochs)
    wrong: list[Wrong] = [(("evaluation", *path), text) for path, text in inside]
    if any(item.shares_weights for item in items) and not loss.suits_supernets:
        choices = ", ".join(names_where("suits_supernets"))
        text = f"the fidelity inherited trains all exits of a supernet together: must be one of {choices}"
        wrong.append((("training", "loss"), f"{text}, not {loss.name}"))
    if sum(item.trains for item in items) > 1 and loss.phases > 1:
        text = (
            "evaluation.fidelities train in several parts, each with all exits together: "
            f"must not be {loss.name}, which has phases of its own and goes with fidelities: [trained]"
        )
        wrong.append((("training", "loss"), text))
    elif any(item.is_frozen for item in items) and not _suits_heads(training):
        text = (
            "the fidelity heads trains every exit for itself, on a network that stays as it is: must not be "
            f"{loss.name}, whose exits build on each other or come in phases; set loss: gradient_equilibrium"
        )
        wrong.append((("training", "loss"), text))
    if surrogate != "none" and any(isinstance(item.keep, Fraction) for item in items):
        text = (
            "learns the error after one and the same training, but evaluation.fidelities take a share of "
            "each generation further; set surrogate: none, or fidelities: [trained]"
        )
        wrong.append((("search", "surrogate"), text))
    return wrong


def unread_options(evaluation: EvaluationConfig) -> list[str]:
    """Return what is given of fine-tuning although nothing reads it, with what would."""
    unread = []
    for i, item in enumerate(evaluation.fidelities):
        if isinstance(item, InheritedConfig) and not item.finetune_epochs:
            fields = type(item).model_fields
            given = [name for name in FINETUNING if getattr(item, name) != fields[name].default]
            unread += [f"fidelities.{i}.{name} (finetune_epochs above 0)" for name in given]
    return unread
