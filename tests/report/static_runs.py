"""Runs whose exits answer as told: what each image was answered is stored, and the curves follow from it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from synthetic_runs import architectures, search_file, store_of

from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Artefacts, ExitRecord, Outcome, draft_evaluation
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.hardware.cost.cost import network_cost
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.store import RunStore
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification

IMAGES = 500


@cache
def networks(count: int, exits: int) -> list[StagedArchitecture]:
    """Return architectures with so many early exits, those first whose first exit is cheapest for them."""
    alike = [one for one in architectures(search_file(), 60) if len(one.exits) == exits]
    return sorted(alike, key=_share_of_first_exit)[:count]


def _share_of_first_exit(architecture: StagedArchitecture) -> float:
    reach = network_cost(architecture, classification(1, 10)).reach_macs
    return float(reach[0] / reach[-1])


def answered(
    architecture: StagedArchitecture, accuracies: Sequence[float], sureness: float, seed: int = 0
) -> Outcome:
    """Return a candidate whose exits are right so often, an easy image at all of them.

    ``sureness``: 1: the score of an exit is whether it is right; 0: it says nothing; -1: it misleads.
    """
    cost, rng = network_cost(architecture, classification(1, 10)), np.random.default_rng(seed)
    records, samples = [], []
    for _ in range(2):
        hardness = rng.random((IMAGES, 1))
        right = hardness < np.asarray(accuracies)
        scores = (sureness * right + (1 - sureness) * rng.random(right.shape)).astype(np.float32)
        records.append(ExitRecord({"confidence": scores}, np.where(right, 1, 0).astype(np.uint8)))
        samples.append(
            ExitSamples.of_scores(
                records[-1].scores, records[-1].predictions, np.ones(IMAGES, int), cost.reach_macs
            )
        )
    curve = operating_curve(TunedThresholds().path(samples[0], samples[0].correct), *samples)
    evaluation = replace(draft_evaluation(architecture, cost, seed), curve=curve)
    nothing = np.zeros((1, 1, 1), np.float32)
    return Outcome(evaluation, Artefacts(*records, nothing, nothing, b""))


def run_of(path: Path, outcomes: Sequence[Outcome]) -> RunStore:
    """Write a run with these candidates; every label is 1."""
    config = search_file()
    store = store_of(path, config, [])
    ones = np.ones(IMAGES, np.int64)
    (path / "labels.npz").write_bytes(pack_arrays({"calibrate": ones, "select": ones}))
    fidelity = plan_of(config).fidelities[0].name
    for outcome in outcomes:
        evaluation = replace(outcome.evaluation, fidelity=fidelity)
        store.start_attempt(evaluation.key, "context", fidelity)
        store.add(Outcome(evaluation, outcome.artefacts), "context")
    return store


def right_of(outcome: Outcome, exit_index: int) -> NDArray[np.bool_]:
    """Return which images of select an exit answers right."""
    assert outcome.artefacts is not None
    right: NDArray[np.bool_] = outcome.artefacts.select.predictions[:, exit_index] == 1
    return right
