"""What a supernet was trained for: two with equal facts are interchangeable.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aebnas.config.resolved import plain_differences
from aebnas.config.schema import SearchFile

TRAINING = (
    "learning_rate",
    "batch_size",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "loss",
    "exit_weights",
    "clip_norm",
    "precision",
    "augment",
)
"""Settings of the section ``training`` that a supernet's training reads."""
IRRELEVANT = {"reuse", "checkpoint_seconds", "file", "processes"}
"""Settings of the section ``supernet`` that change no weight, but for rounding."""
NAMED = 3
"""Differences that a message names."""


def supernet_facts(config: SearchFile, data_fingerprint: str, channels: int, classes: int) -> dict[str, Any]:
    """Return all that decides the weights of a supernet, fit for JSON.

    Args:
        config: The whole search-space file.
        data_fingerprint: Of the splits.
        channels: Of the images.
        classes: Their number.
    """
    training = config.training.model_dump(mode="json")
    settings = config.supernet.model_dump(mode="json", exclude=IRRELEVANT)
    return {
        "space": config.space.model_dump(mode="json"),
        "data": {"fingerprint": data_fingerprint, "channels": channels, "classes": classes},
        "training": {name: training[name] for name in TRAINING},
        "supernet": settings,
    }


def facts_hash(facts: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify facts."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def named_differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return how two supernets differ, as ``space.stages.0.width: 8 -> 16``; empty if they do not."""
    found = [str(difference) for difference in plain_differences(dict(stored), dict(wanted))]
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more
