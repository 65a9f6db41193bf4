"""What a supernet was trained for: two with equal metadata are interchangeable.

One of a larger space serves a smaller one too: what that can build, it holds.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aebnas.config.outside import names_in
from aebnas.config.resolved import ABSENT, Difference, flow, plain_differences
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.extensions.consent import code_digest
from aebnas.supernet.settings import SupernetSettings
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
    "initial_weights",
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


def supernet_metadata(settings: SupernetSettings, fingerprint: str, task: Task) -> dict[str, Any]:
    """Return all that decides the weights of a supernet, fit for JSON.

    Args:
        settings: How it is trained.
        fingerprint: Of the splits.
        task: What comes in, and how many answers there are.
    """
    data = {"fingerprint": fingerprint, "channels": task.samples.channels, "classes": task.classes}
    return _metadata_of(settings, data)


def _metadata_of(settings: SupernetSettings, data: Mapping[str, Any]) -> dict[str, Any]:
    training, space = settings.training.deciding(), settings.space.model_dump(mode="json")
    code = {name: code_digest(name) for name in names_in({"space": space})}
    read = [name for name in TRAINING if settings.supernet.optimizer == "sgd" or name not in SGD_ALONE]
    return {
        "space": space,
        "data": dict(data),
        "training": {name: training[name] for name in read},
        "supernet": deciding_settings(settings),
        **({"code": code} if code else {}),
    }


def deciding_settings(settings: SupernetSettings) -> dict[str, Any]:
    """Return the supernet's settings that decide the weights.

    That a share of the teacher is given or follows from the rule makes no difference.
    """
    own = settings.supernet
    lacking = bool(settings.training.boosting_coefficient and settings.space.may_lack_exits)
    plain = own.model_dump(mode="json", exclude=IRRELEVANT)
    return plain | {"distillation": own.teacher_share, LACKING: lacking}


def space_hash(metadata: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify the space that metadata name."""
    text = json.dumps(metadata["space"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def named_differences(stored: Mapping[str, Any], required: Mapping[str, Any]) -> str:
    """Return why a supernet does not serve, as ``space.stages.0.width: 8 -> 16``; empty if it does.

    Args:
        stored: What it was trained for.
        required: What is to inherit from it: the same, or a space with fewer choices.
    """
    differences = plain_differences(dict(stored), dict(required))
    refusals = [str(difference) for difference in differences if not _is_narrower(difference)]
    more = f"; and {len(refusals) - NAMED} more" if len(refusals) > NAMED else ""
    return "; ".join(refusals[:NAMED]) + more


def fitting_settings(settings: SupernetSettings, stored: Mapping[str, Any]) -> str:
    """Return the words ``--set NAME=VALUE ...`` with which a file could inherit; empty if none do that.

    Args:
        settings: How it is trained.
        stored: What a supernet was trained for.
    """
    plain = {name: getattr(settings, name).model_dump(mode="json") for name in ("supernet", "training")}
    arguments = list[str]()
    kept = {"supernet": stored["supernet"], "training": stored["training"]}
    own = {"supernet": deciding_settings(settings), "training": settings.training.deciding()}
    fields = {"supernet": SupernetConfig.model_fields, "training": TRAINING}
    for section, values in kept.items():
        for name, value in values.items():
            if name in fields[section] and value != own[section].get(name):
                arguments += ["--set", f"{section}.{name}={flow(value)}"]
                plain[section][name] = value
    try:
        fitting = replace(
            settings,
            supernet=SupernetConfig.model_validate(plain["supernet"]),
            training=TrainingConfig.model_validate(plain["training"]),
        )
    except ValueError:
        return ""
    return "" if named_differences(stored, _metadata_of(fitting, stored["data"])) else shlex.join(arguments)


def _is_narrower(difference: Difference) -> bool:
    """Return whether a difference only takes choices, or exit positions, away."""
    if difference.path == "space.exits.optional":
        return True  # all exits are trained in any case
    if difference.path == f"supernet.{LACKING}" and difference.old is True:
        return True  # of a space with optional exits, for one that always has them
    if difference.path.startswith("code.") and difference.new is ABSENT:
        return True  # a block that nobody asks for
    before, after = (
        choices if isinstance(choices, list) else [choices] for choices in (difference.old, difference.new)
    )
    return difference.path.startswith("space.") and all(choice in before for choice in after)
