"""Identity of an evaluation: what was asked for, not when or where it ran.

A result is filed under the architecture's key and the *context*: a hash of the
data, the training, the evaluation settings, code from outside and the seed.  Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import ConfigError
from aebnas.evaluation.settings import CandidateSettings
from aebnas.extensions.consent import code_digest
from aebnas.supernet.identity import deciding_settings

LIMITS = ("max_training_macs", "max_memory_mb")
"""Options that refuse candidates, and change none."""


def context_key(
    settings: CandidateSettings, data_fingerprint: str, hardware: Mapping[str, str] | None = None
) -> str:
    """Return 16 hexadecimal digits that identify everything but the architecture.

    Args:
        settings: How candidates are trained and scored.
        data_fingerprint: Of the splits.
        hardware: Fingerprint of each hardware profile by name.

    Raises:
        ConfigError: A file of the teacher cannot be read.
        CodeError: A module of code from outside is missing.
    """
    metadata = {
        "data": data_fingerprint,
        **_weights(settings),
        "exits": settings.exits.exits.model_dump(mode="json"),
        "seed": settings.seed,
    }
    if teaching := teacher_files(settings.training):
        metadata["teacher"] = teaching
    if settings.plan.shares_weights:
        metadata["space"] = settings.supernet.space.model_dump(mode="json")
    if settings.outside_names:
        metadata["code"] = code_of(settings.outside_names)
    if settings.exits.measured:
        metadata["measured"] = sorted(settings.exits.measured)
    if hardware:
        metadata |= {"hardware": dict(hardware), "cost_metric": settings.exits.cost_metric}
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_of(names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the code behind names from outside, by name.

    Raises:
        CodeError: A module is missing.
    """
    return {name: code_digest(name) for name in names}


def teacher_files(training: TrainingConfig) -> dict[str, str]:
    """Return the SHA-256 of the files that a teacher is read from, by field.

    Raises:
        ConfigError: One cannot be read.
    """
    digests = {}
    for name, path in ({} if training.teacher is None else training.teacher.files).items():
        try:
            content = Path(path).expanduser().read_bytes()
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"training.teacher.{name}: {path} cannot be read: {reason}") from error
        digests[name] = hashlib.sha256(content).hexdigest()
    return digests


def how_trained(settings: CandidateSettings) -> str:
    """Return what decides how candidates come by their weights, but for data and seed, as JSON."""
    metadata = _weights(settings)
    plain = [fidelity.options.model_dump(mode="json") for fidelity in settings.plan.fidelities]
    return json.dumps(metadata | {"evaluation": plain}, sort_keys=True)


def _weights(settings: CandidateSettings) -> dict[str, Any]:
    metadata = {"training": settings.training.deciding(), "evaluation": _evaluation(settings)}
    if settings.plan.shares_weights:
        metadata["supernet"] = deciding_settings(settings.supernet)
    return metadata


def _evaluation(settings: CandidateSettings) -> dict[str, Any]:
    """Return what decides the scoring.

    How many of the whole search are taken further changes nothing about any of them: they are filed under
    fidelities of their own.
    """
    limits = {name: getattr(settings, name) for name in LIMITS}
    steps = [
        fidelity.options.model_dump(mode="json") | {"epochs": fidelity.epochs}
        for fidelity in settings.plan.of_generations
    ]
    return {"fidelities": steps, **limits}


def training_seed(run_seed: int, architecture_key: str) -> int:
    """Return the seed of one training, 0 <= seed < 2**31: it depends on nothing else.

    Worker order therefore never changes a result.
    """
    digest = hashlib.sha256(f"{run_seed}:{architecture_key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def fidelity_step_seed(run_seed: int, architecture_key: str, epochs_before: int) -> int:
    """Return the seed of the part of a training that begins behind so many epochs.

    The first part has the seed of a whole training: the first fidelity is a short training from scratch.
    """
    if not epochs_before:
        return training_seed(run_seed, architecture_key)
    return training_seed(run_seed, f"{architecture_key}:{epochs_before}")
