"""What a head is: where it stands, its layers, how it is trained; and the key that follows from all of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from aebnas.blocks.layer import Layer
from aebnas.config.sections.training import TrainingConfig
from aebnas.training.losses.teacher import Distillation

SETTINGS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "warmup",
    "label_smoothing",
    "clip_norm",
    "precision",
)
"""Settings of the section ``training`` that the training of a head reads."""


@dataclass(frozen=True)
class HeadRequest:
    """One exit branch at one cut."""

    cut: str
    layers: tuple[Layer, ...]
    """Exit modules and their classifier, as ``Segment.exit``; the first takes the cut's features."""

    @property
    def classes(self) -> int:
        """Return how many answers there are."""
        return self.layers[-1].spec.width

    def metadata(self) -> dict[str, Any]:
        """Return plain values that identify it."""
        layers = [layer.signature() for layer in self.layers]
        return {"cut": self.cut, "layers": layers}


@dataclass(frozen=True)
class HeadTraining:
    """How every head of a bank is trained."""

    config: TrainingConfig
    """Of which ``SETTINGS`` are read."""
    distillation: Distillation
    """How much a head listens to the network's last answer; share 0: it learns from labels alone."""
    run_seed: int

    def settings(self) -> TrainingConfig:
        """Return what is read of the section, with everything else at its default."""
        return TrainingConfig(**self.config.model_dump(include=set(SETTINGS)))

    def metadata(self) -> dict[str, Any]:
        """Return plain values that identify it."""
        settings = self.config.model_dump(mode="json", include=set(SETTINGS))
        distillation = [self.distillation.share, self.distillation.temperature]
        return {"training": settings, "distillation": distillation, "seed": self.run_seed}


def key_of(metadata: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify a head."""
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_of(key: str) -> int:
    """Return the seed of a head's training, 0 <= seed < 2**31: the key holds the run's seed."""
    return int(key[:8], 16) >> 1
