"""What a supernet was trained for: two with equal metadata are interchangeable.

One of a larger space serves a smaller one too: what that can build, it holds.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from typing import Any

from aebnas.config.resolved import Difference, flow, plain_differences
from aebnas.config.schema import SearchFile
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.task.task import Task

TRAINING = (
    "learning_rate",
    "batch_size",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "loss",
    "clip_norm",
    "precision",
    "augment",
)
"""Settings of the section ``training`` that a supernet's training reads."""
SGD_ALONE = ("learning_rate", "momentum", "weight_decay")
"""Of these, what AdamW does not read."""
IRRELEVANT = {"reuse", "checkpoint_seconds", "file", "processes"}
"""Settings of the section ``supernet`` that change no weight, but for rounding."""
LACKING = "networks_lack_exits"
"""Whether networks of a step lack some of the optional exits: see ``sandwich``."""
NAMED = 3
"""Differences that a message names."""


def supernet_metadata(config: SearchFile, fingerprint: str, task: Task) -> dict[str, Any]:
    """Return all that decides the weights of a supernet, fit for JSON.

    Args:
        config: The whole search-space file.
        fingerprint: Of the splits.
        task: What comes in, and how many answers there are.
    """
    data = {"fingerprint": fingerprint, "channels": task.samples.channels, "classes": task.classes}
    return _facts_of(config, data)


def _facts_of(config: SearchFile, data: Mapping[str, Any]) -> dict[str, Any]:
    training = config.training.model_dump(mode="json")
    read = [name for name in TRAINING if config.supernet.optimizer == "sgd" or name not in SGD_ALONE]
    return {
        "space": config.space.model_dump(mode="json"),
        "data": dict(data),
        "training": {name: training[name] for name in read},
        "supernet": deciding_settings(config),
    }


def deciding_settings(config: SearchFile) -> dict[str, Any]:
    """Return the supernet's settings that decide the weights.

    That a share of the teacher is given or follows from the rule makes no difference.
    """
    settings = config.supernet
    lacking = bool(config.training.boosting_coefficient and config.space.may_lack_exits)
    plain = settings.model_dump(mode="json", exclude=IRRELEVANT)
    return plain | {"distillation": settings.teacher_share, LACKING: lacking}


def space_hash(metadata: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify the space that metadata name."""
    text = json.dumps(metadata["space"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def named_differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return why a supernet does not serve, as ``space.stages.0.width: 8 -> 16``; empty if it does.

    Args:
        stored: What it was trained for.
        wanted: What is to inherit from it: the same, or a space with fewer choices.
    """
    differences = plain_differences(dict(stored), dict(wanted))
    found = [str(difference) for difference in differences if not _is_narrower(difference)]
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def fitting_settings(config: SearchFile, stored: Mapping[str, Any]) -> str:
    """Return the words ``--set NAME=VALUE ...`` with which a file could inherit; empty if none do that.

    Args:
        config: The whole search-space file.
        stored: What a supernet was trained for.
    """
    plain, words = config.model_dump(mode="json"), list[str]()
    kept = {"supernet": stored["supernet"], "training": stored["training"]}
    own = {"supernet": deciding_settings(config), "training": plain["training"]}
    known = {"supernet": SupernetConfig.model_fields, "training": TRAINING}
    for section, values in kept.items():
        for name, value in values.items():
            if name in known[section] and value != own[section].get(name):
                words += ["--set", f"{section}.{name}={flow(value)}"]
                plain[section][name] = value
    try:
        fitting = SearchFile.model_validate(plain)
    except ValueError:
        return ""
    return "" if named_differences(stored, _facts_of(fitting, stored["data"])) else shlex.join(words)


def _is_narrower(difference: Difference) -> bool:
    """Return whether a difference only takes choices, or exit positions, away."""
    if difference.path == "space.exits.optional":
        return True  # all exits are trained in any case
    if difference.path == f"supernet.{LACKING}" and difference.old is True:
        return True  # of a space with optional exits, for one that always has them
    before, after = (one if isinstance(one, list) else [one] for one in (difference.old, difference.new))
    return difference.path.startswith("space.") and all(choice in before for choice in after)
