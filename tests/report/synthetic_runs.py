"""Runs that nothing was trained for: real stores, architectures and curves with made-up numbers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aebnas.config import parse
from aebnas.config.schema import SearchFile
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Artefacts, Evaluation, ExitRecord, Outcome, Status
from aebnas.evaluation.settings import goals_of
from aebnas.exits.core.scores import SCORES
from aebnas.exits.core.threshold_policy import threshold_policies
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.runs.fronts.individuals import individual, pareto_front
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.runs.status import RunStatus
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.store import RunStore
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace

SPACE = """
name: synthetic
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {kernel: 3, stride: 1, width: [8, 12, 16]}
  stages:
    - {depth: [1, 2], width: [8, 16], stride: 1, block: {type: [residual, mbconv], kernel: [3, 5]}}
    - {depth: [1, 2], width: [16, 32], stride: 2, block: {type: [residual, conv]}}
  exits:
    after: [stage1]
    branch: {modules: [0, 1], module: {type: [conv, dwconv], width: [0.5, 1.0]}}
"""
ENVIRONMENT = {
    "versions": {"aebnas": "0.1.0", "torch": "2.13.0"},
    "machine": {"system": "Linux", "processor": "a processor", "gpus": []},
    "git": {"commit": "0123456789abcdef", "has_changes": True},
}
SELECT_IMAGES = 400
CALIBRATE_IMAGES = 300
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \" '"
OPENED: list[RunStore] = []
"""Stores to close when the test ends; Python 3.13 warns of those left open."""


def search_file(*overrides: str) -> SearchFile:
    """Return the configuration of a synthetic run."""
    return parse(SPACE.encode(), "synthetic.yaml", overrides)


def candidate(architecture: StagedArchitecture, seed: int, score: str = "confidence") -> Evaluation:
    """Return a finished evaluation with a plausible operating curve."""
    rng = np.random.default_rng(seed)
    exits = len(architecture.exits) + 1
    reach = np.cumsum(rng.uniform(1e4, 1.5e5, exits)).round()
    points = 30
    leaving = (np.linspace(1, 0, points) * SELECT_IMAGES).round() / SELECT_IMAGES
    rates = np.column_stack([leaving, 1 - leaving]) if exits == 2 else np.ones((points, 1))
    exit_accuracy = np.sort(rng.integers(250, 396, exits)) / SELECT_IMAGES
    accuracy = (rates @ exit_accuracy * SELECT_IMAGES).round() / SELECT_IMAGES
    cost = rates @ reach + np.arange(points) * 1e-3
    thresholds = np.linspace(0, 1, points)[:, None][:, : exits - 1]
    if exits == 2:
        thresholds[0], thresholds[-1] = -np.inf, np.inf
    policies = threshold_policies(score, thresholds)
    curve = OperatingCurve(policies, accuracy, cost, accuracy, cost, rates, reach, exit_accuracy)
    return Evaluation(
        architecture,
        Status.DONE,
        seed,
        tuple(reach.tolist()),
        int(reach[-1] / 20),
        20480,
        2.5,
        2.0,
        curve=curve,
    )


def architectures(config: SearchFile, count: int) -> list[StagedArchitecture]:
    """Return distinct architectures of the space."""
    space = StagedSpace(config.space, 8, config.search.budget_fractions)
    rng = np.random.default_rng(1)
    found: dict[str, StagedArchitecture] = {}
    while len(found) < count:
        architecture = space.decode(space.sample(rng))
        found[architecture.key()] = architecture
    return list(found.values())


def evaluations(
    config: SearchFile, done: int, failures: Sequence[str] = (), seed: int = 0
) -> list[Evaluation]:
    """Return finished evaluations, then failed ones with their reasons."""
    networks = architectures(config, done + len(failures))
    name = config.exits.policy_names[0]
    score = name if name in SCORES else "confidence"
    found = [candidate(network, seed + i, score) for i, network in enumerate(networks[:done])]
    for network, reason in zip(networks[done:], failures, strict=True):
        found.append(candidate(network, 0).failed(reason))
    return found


def artefacts(one: Evaluation) -> Artefacts:
    """Return made-up scores and predictions of every exit, as right as its evaluation says."""
    rng = np.random.default_rng(one.seed)
    assert one.curve is not None
    records = []
    for images in (CALIBRATE_IMAGES, SELECT_IMAGES):
        labels = (np.arange(images) % 10)[:, None]
        is_right = rng.random((images, len(one.reach_macs))) < one.curve.exit_accuracy
        confidence = np.where(
            is_right, rng.uniform(0.4, 1, is_right.shape), rng.uniform(0.2, 0.9, is_right.shape)
        )
        scores = {"confidence": confidence.astype(np.float32)}
        records.append(ExitRecord(scores, np.where(is_right, labels, (labels + 1) % 10).astype(np.uint8)))
    nothing = np.zeros((1, 1, 1), np.float32)
    return Artefacts(records[0], records[1], nothing, nothing, b"")


def store_of(
    path: Path,
    config: SearchFile,
    found: Sequence[Evaluation],
    generation_sizes: Sequence[int] = (),
    status: RunStatus = RunStatus.FINISHED,
    with_scores: bool = False,
) -> RunStore:
    """Write a run: its evaluations, and one generation for each number of evaluations.

    With scores, it holds what the exits of every candidate said, and weights that are none.
    """
    store = RunStore.create(path, config, ENVIRONMENT)
    OPENED.append(store)
    labels = np.arange(SELECT_IMAGES) % 10
    (path / "labels.npz").write_bytes(pack_arrays({"calibrate": labels[:CALIBRATE_IMAGES], "select": labels}))
    metadata = {"data": "fingerprint-of-the-data", "classes": list("0123456789"), "image_shape": [8, 8, 1]}
    for name, value in metadata.items():
        store.put_metadata(name, value)
    store.put_status(status)
    for one in found:
        one = replace(one, fidelity=one.fidelity or plan_of(config).fidelities[0].name)
        store.start_attempt(one.key, "context", one.fidelity)
        store.add(Outcome(one, artefacts(one) if with_scores and one.is_done else None), "context")
    for number, size in enumerate(generation_sizes, 1):
        store.put_generation(number, _summary(number, config, found[:size]))
    return store


def _summary(number: int, config: SearchFile, found: Sequence[Evaluation]) -> dict[str, object]:
    known = {one.key: one for one in found if one.is_done}
    everyone = [
        individual((), share, one, goals_of(config))
        for one in known.values()
        for share in config.search.budget_fractions
    ]
    front = pareto_front(everyone, known)
    feasible = np.array([one.objectives for one in everyone if one.is_feasible])
    reference = {"error": 1.0, "macs": 4e5, "worst_macs": 4e5, "params": 2e4}
    worst = [reference[name] for name in config.objectives]
    return {
        "number": number,
        "proposed": [one.key for one in found],
        "trainings": len(found),
        "failed": len(found) - len(known),
        "hypervolume": hypervolume(feasible, worst) / float(np.prod(worst)) if len(feasible) else 0.0,
        "reference": worst,
        "front": [[point.key, point.budget_fraction] for point in front],
        "is_complete": True,
    }
