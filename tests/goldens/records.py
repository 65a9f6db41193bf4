"""What may not change while the house is rebuilt, as plain values.

Each function returns what ``goldens.json`` holds under its name: identities (keys, seeds, layer
signatures), costs, exit policies, and searches of every way of evaluating, on pools that answer at
once.  Nothing is trained: a rounding of another processor must not change a digit.

``PYTHONPATH=tests python -m goldens.records`` writes the file anew.  Do so only where a digit has to
change, and say which and why in the commit.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from search.fake_searches import PlanPool, halving_skill, searched, subnet_skill
from search.fakes import FakePool, fake_config, kept
from shipped import SHIPPED, shipped

from aebnas.config import SearchFile, load
from aebnas.evaluation.identity import context_key, fidelity_step_seed, training_seed
from aebnas.evaluation.settings import candidate_settings
from aebnas.exits.policies.families import FAMILIES
from aebnas.exits.targets import Accuracy, Budget, Guarantee
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification
from aebnas.testing.policies import random_samples

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("goldens.json")
NETWORKS = 12
"""Architectures of every shipped space."""
PROFILES = {
    "mnist5k": ("xeon-onnxruntime-mnist5k", "xeon-torch-mnist5k"),
    "cifar10_dense": ("xeon-onnxruntime-dense",),
    "cifar10_mbconv": ("xeon-onnxruntime-mbconv",),
}
CONTEXTS = (
    (),
    ("evaluation.fidelities=[inherited]",),
    ("evaluation.fidelities=[inherited, {trained: 9, keep: 5}]", "training.epochs=9"),
    ("evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]",),
    ("training.loss=boosted",),
    ("training.loss=frozen",),
    ("exits.policy=pcee", "exits.policy.bins=20"),
    ("exits.guarantee={max_harm: 0.01, confidence: 0.9}", "exits.policy=confidence"),
    ("evaluation.max_training_macs=1e15",),
    ("search.seed=7",),
)


def subnet_pool(config: SearchFile) -> FakePool:
    """Return a pool on which candidates inherit."""
    return PlanPool(config, subnet_skill())


def halving_pool(config: SearchFile) -> FakePool:
    """Return a pool on which candidates learn with their epochs."""
    return PlanPool(config, halving_skill)


SEARCHES: dict[str, tuple[tuple[str, ...], Callable[[SearchFile], FakePool]]] = {
    "scratch": ((), lambda config: FakePool()),
    "scratch, seed 7": (("search.seed=7",), lambda config: FakePool()),
    "scratch, random": (("search.algorithm=random",), lambda config: FakePool()),
    "supernet": (("evaluation.fidelities=[inherited]", "training.epochs=9"), subnet_pool),
    "supernet with final trainings": (
        ("evaluation.fidelities=[inherited, {trained: 9, keep: 5}]", "training.epochs=9"),
        subnet_pool,
    ),
    "halving": (
        ("evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]",),
        halving_pool,
    ),
    "halving, eta 2": (
        (
            "evaluation.fidelities=[{trained: 1}, {trained: 2, keep: 1/2}, {trained: 4, keep: 1/2}, "
            "{trained: 8, keep: 1/2}]",
        ),
        halving_pool,
    ),
}


def sampled(name: str) -> list[StagedArchitecture]:
    """Return architectures of a shipped space, the same every time."""
    space, _, _ = shipped(name)
    random = np.random.default_rng(2026)
    return [space.decode(space.sample(random)) for _ in range(NETWORKS)]


def identities(name: str) -> dict[str, Any]:
    """Return genes, keys, seeds, signatures and costs of a shipped space's architectures."""
    space, channels, classes = shipped(name)
    networks = [_identity(architecture, channels, classes) for architecture in sampled(name)]
    whole = _signatures(sampled(name)[0], channels, classes)
    genes = {gene.name: [str(choice) for choice in gene.choices] for gene in space.genes}
    return {"genes": digest(genes), "first": whole, "networks": networks}


def contexts() -> dict[str, str]:
    """Return what files the results of some configurations."""
    hardware = {"xeon": "0123456789abcdef"}
    keys = {
        " ".join(words): context_key(candidate_settings(fake_config(*words)), "fingerprint")
        for words in CONTEXTS
    }
    return keys | {"with a profile": context_key(candidate_settings(fake_config()), "fingerprint", hardware)}


def latencies(name: str) -> dict[str, list[list[float]]]:
    """Return the milliseconds to every exit, by shipped profile."""
    _, channels, classes = shipped(name)
    config = load(ROOT / "search_spaces" / f"{name}.yaml", [])
    tables: dict[str, list[list[float]]] = {}
    for profile in PROFILES.get(name, ()):
        costs = DeviceCosts.read([ROOT / "hardware_profiles" / f"{profile}.yaml"])
        rows = [costs.reach_costs(each, classification(channels, classes)) for each in sampled(config.name)]
        tables[profile] = [[round(value, 9) for values in row.values() for value in values] for row in rows]
    return tables


def policies(name: str) -> dict[str, list[int]]:
    """Return how many of 300 samples leave at each exit, under every target of one family."""
    fitted_on, scored_on = random_samples(3, 300, 4, 5), random_samples(4, 300, 4, 5)
    counts = {}
    for target in (Budget(2.2), Accuracy(0.9), Guarantee(0.05, 0.9)):
        chosen = target.fit(FAMILIES[name](), fitted_on).policy.decide(scored_on.logits)
        counts[type(target).__name__] = np.bincount(chosen, minlength=4).tolist()
    return counts


def search(name: str) -> dict[str, Any]:
    """Return what a search asked for, in order, and what it ended with."""
    words, make_pool = SEARCHES[name]
    config = fake_config(*words)
    pool = make_pool(config)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        generations = searched(path, config, pool)
        evaluations = kept(path)
    last = generations[-1]
    return {
        "proposed": [list(generation.proposed) for generation in generations],
        "trained": pool.trained,
        "front": [[point.key, point.budget_fraction] for point in last.front],
        "hypervolume": round(last.hypervolume, 9),
        "epochs": {key: evaluation.epochs for key, evaluation in sorted(evaluations.items())},
    }


def digest(value: object) -> str:
    """Return 16 hexadecimal digits of any plain value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def record() -> dict[str, Any]:
    """Return all goldens."""
    return {
        "identities": {name: identities(name) for name in SHIPPED},
        "contexts": contexts(),
        "latencies": {name: latencies(name) for name in PROFILES},
        "policies": {name: policies(name) for name in FAMILIES},
        "searches": {name: search(name) for name in SEARCHES},
    }


def _identity(architecture: StagedArchitecture, channels: int, classes: int) -> list[Any]:
    key, cost = architecture.key(), network_cost(architecture, classification(channels, classes))
    signatures = digest(_signatures(architecture, channels, classes))
    seeds = [training_seed(0, key), training_seed(7, key), fidelity_step_seed(0, key, 3)]
    return [key, seeds, signatures, cost.reach_macs.astype(int).tolist(), cost.params]


def _signatures(architecture: StagedArchitecture, channels: int, classes: int) -> list[list[str]]:
    parts = architecture.segments(classification(channels, classes))
    return [[layer.signature() for layer in part.layers()] for part in parts]


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
