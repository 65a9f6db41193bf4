"""Identity of an evaluation: what was asked for, not when or where it ran.

A result is filed under the architecture's key and the *context*: a hash of the
data, the training, the evaluation settings and the seed.  Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aebnas.config.schema import SearchFile
from aebnas.config.sections.evaluation import EvaluationConfig
from aebnas.evaluation.plan import Plan, plan_of
from aebnas.supernet.identity import deciding_settings

LIMITS = ("max_training_macs", "max_memory_mb")
"""Options that refuse candidates, and change none."""


def context_key(config: SearchFile, data_fingerprint: str, hardware: Mapping[str, str] | None = None) -> str:
    """Return 16 hexadecimal digits that identify everything but the architecture.

    Args:
        config: The whole search-space file.
        data_fingerprint: Of the splits.
        hardware: Fingerprint of each hardware profile by name.
    """
    metadata = {
        "data": data_fingerprint,
        **_weights(config),
        "exits": config.exits.model_dump(mode="json"),
        "seed": config.search.seed,
    }
    if plan_of(config).inherits:
        metadata["space"] = config.space.model_dump(mode="json")
    if config.measured:
        metadata["measured"] = sorted(config.measured)
    if hardware:
        metadata |= {"hardware": dict(hardware), "cost_metric": config.cost_metric}
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def how_trained(config: SearchFile) -> str:
    """Return what decides how candidates come by their weights, but for data and seed, as JSON."""
    metadata = _weights(config)
    plain = config.evaluation.model_dump(mode="json", exclude=set(LIMITS))
    return json.dumps(metadata | {"evaluation": plain}, sort_keys=True)


def _weights(config: SearchFile) -> dict[str, Any]:
    plan = plan_of(config)
    metadata = {
        "training": config.training.model_dump(mode="json"),
        "evaluation": _evaluation(config.evaluation, plan),
    }
    if plan.inherits:
        metadata["supernet"] = deciding_settings(config)
    return metadata


def _evaluation(evaluation: EvaluationConfig, plan: Plan) -> dict[str, Any]:
    """Return what decides the scoring.

    How many of the whole search are taken further changes nothing about any of them: they are filed under
    fidelities of their own.
    """
    limits = {name: getattr(evaluation, name) for name in LIMITS}
    steps = [one.options.model_dump(mode="json") | {"epochs": one.epochs} for one in plan.of_generations]
    return {"fidelities": steps, **limits}


def training_seed(run_seed: int, architecture_key: str) -> int:
    """Return the seed of one training, 0 <= seed < 2**31: it depends on nothing else.

    Worker order therefore never changes a result.
    """
    digest = hashlib.sha256(f"{run_seed}:{architecture_key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def fidelity_step_seed(run_seed: int, architecture_key: str, epochs_before: int) -> int:
    """Return the seed of the part of a training that begins behind so many epochs.

    The first part has the seed of a whole training: the first rung is a short training from scratch.
    """
    if not epochs_before:
        return training_seed(run_seed, architecture_key)
    return training_seed(run_seed, f"{architecture_key}:{epochs_before}")
