"""What a supernet's training reads of a search-space file.  Must not import torch."""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.config.sections.spaces import SpaceSection
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.config.sections.training import TrainingConfig


@dataclass(frozen=True)
class SupernetSettings:
    """How one supernet is trained and inherited from; small, and travels to other processes."""

    space: SpaceSection
    """What its networks are."""
    training: TrainingConfig
    """Batches, loss, number format: as a network alone is trained."""
    supernet: SupernetConfig
    """What a network alone has not."""
    recalibration_images: int
    """Of the train split, for the batch-norm statistics of an inherited subnet."""
