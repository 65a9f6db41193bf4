"""Searches without training: outcomes that follow from the architecture's key alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from aebnas.config import SearchFile, parse
from aebnas.evaluation.curves import fitted_curve
from aebnas.evaluation.plan import Step, StepOf, first_step
from aebnas.evaluation.record import Artefacts, Evaluation, ExitRecord, Outcome, Status, draft_evaluation
from aebnas.evaluation.settings import exit_settings
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.hardware.cost.cost import network_cost
from aebnas.runs.store.store import RunStore
from aebnas.search.problem import SearchProblem, problem_of
from aebnas.search.workers.pool import OnStart
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification

DATA = ("fingerprint", 1, 10)
"""Fingerprint, channels and classes."""
IMAGES = 60
SPACE = """
name: fake
data: {name: digits}
space:
  resolution: [8]
  stem: {width: [8, 12, 16]}
  stages:
    - {depth: [1, 2], width: [8, 12, 16], block: {type: [conv, residual], kernel: [3, 5]}}
    - {depth: [1, 2], width: [16, 24], stride: 2, block: {type: [conv, residual, mbconv], expansion: [2, 3]}}
  exits: {after: [stage1], branch: {modules: [0, 1, 2], module: {type: [conv, pool], width: [0.5, 1.0]}}}
search: {population: 6, generations: 4}
workers: {mode: serial}
"""


def fake_config(*overrides: str) -> SearchFile:
    """Return a small configuration with overrides applied."""
    return parse(SPACE.encode(), "fake.yaml", overrides)


def fake_problem(config: SearchFile) -> SearchProblem:
    """Return the problem that a configuration poses on grey images of 8 x 8 pixels."""
    return problem_of(config, classification(*DATA[1:], size=8))


@lru_cache(maxsize=2000)  # hundreds of searches ask for the same networks
def fake_outcome(architecture: StagedArchitecture, seed: int = 0, skilled: float = 1.0) -> Outcome:
    """Return a finished outcome: larger networks are more accurate, later exits too.

    ``skilled``: share of its final skill that the network has acquired.
    """
    cost = network_cost(architecture, classification(1, 10))
    rng = np.random.default_rng(int(architecture.key(), 16))
    skill = skilled * np.clip(0.5 + 0.08 * np.log10(cost.reach_macs / 1e3), 0, 0.99)
    shape = (IMAGES, len(skill))
    records, samples = [], []
    for _ in range(2):
        scores = rng.random(shape).astype(np.float32)
        correct = rng.random(shape) < (0.3 + 0.7 * scores) * skill
        records.append(ExitRecord({"confidence": scores}, np.where(correct, 1, 0).astype(np.uint16)))
        right, record = np.ones(IMAGES, np.int64), records[-1]
        samples.append(ExitSamples.of_scores(record.scores, record.predictions, right, cost.reach_macs))
    path = TunedThresholds().path(samples[0], samples[0].correct)
    curve = operating_curve(path, *samples)
    logits = rng.random((*shape, 10)).astype(np.float32)
    draft = draft_evaluation(architecture, cost, seed)
    measured = {"curve": curve, "seconds": 1.0, "cpu_seconds": 1.0, "fidelity": "trained8"}
    evaluation = Evaluation(**{**vars(draft), **measured})
    return Outcome(evaluation, Artefacts(records[0], records[1], logits, logits, b"weights"))


def fitted_outcome(config: SearchFile) -> Callable[[StagedArchitecture], Outcome]:
    """Return what makes outcomes with exits fitted to a target, on logits that larger networks get right."""

    def outcome(architecture: StagedArchitecture) -> Outcome:
        plain = fake_outcome(architecture)
        rng = np.random.default_rng(int(architecture.key(), 16))
        labels = np.arange(200) % 10
        logits = rng.normal(size=(2, 200, len(plain.evaluation.reach_macs), 10)).astype(np.float32)
        logits[:, np.arange(200), :, labels] += np.log10(plain.evaluation.reach_macs) - 2.5
        reach = plain.evaluation.reach_macs
        fitted = fitted_curve(
            exit_settings(config), *(ExitSamples.of(values, labels, reach) for values in logits)
        )
        evaluation = replace(plain.evaluation, curve=fitted.curve, target_check=fitted.target_check)
        return Outcome(evaluation, plain.artefacts)

    return outcome


FAILURES = {Status.FAILED: "diverged", Status.OUT_OF_MEMORY: "out of memory at 900 MB"}


def fake_failure(
    architecture: StagedArchitecture, status: Status = Status.FAILED, message: str | None = None
) -> Outcome:
    """Return a failed outcome."""
    message = FAILURES.get(status, f"its {status} 3 times".replace("_", " ")) if message is None else message
    draft = draft_evaluation(architecture, network_cost(architecture, classification(1, 10)), 0)
    return Outcome(replace(draft.failed(message, status), fidelity="trained8"))


class FakePool:
    """Answers at once, in reverse order; can be interrupted after some candidates."""

    size = 1

    def __init__(
        self,
        interrupt_after: int | None = None,
        outcome: Callable[[StagedArchitecture], Outcome] = fake_outcome,
        forward: bool = False,
    ) -> None:
        self.trained: list[str] = []
        self.is_closed = False
        self._interrupt_after = interrupt_after
        self._outcome = outcome
        self._forward = forward
        self._is_stopping = False

    def evaluate(
        self, architectures: Sequence[StagedArchitecture], on_start: OnStart, step_of: StepOf = first_step
    ) -> Iterator[Outcome]:
        for architecture in architectures if self._forward else reversed(architectures):
            if self._is_stopping:
                return
            if self._interrupt_after is not None and len(self.trained) >= self._interrupt_after:
                raise KeyboardInterrupt
            key = architecture.key()
            step = step_of(key)
            on_start(key)
            self.trained.append(self.name(key, step))
            yield self.answer(architecture, step)

    def name(self, key: str, step: Step) -> str:
        """Return what a step is called in ``trained``."""
        return key

    def answer(self, architecture: StagedArchitecture, step: Step) -> Outcome:
        """Return what comes of one step of a candidate."""
        return self._outcome(architecture)

    def stop_starting(self) -> None:
        self._is_stopping = True

    def close(self) -> None:
        self.is_closed = True


def kept(path: Path) -> dict[str, Evaluation]:
    """Return the evaluations of a run by key."""
    store = RunStore(path)
    try:
        return {one.key: one for one in store.evaluations()}
    finally:
        store.close()


def rows(path: Path) -> dict[str, dict[str, Any]]:
    """Return the same as what can be compared."""
    return {key: one.to_dict() for key, one in kept(path).items()}


def weight_files(path: Path) -> dict[str, bytes]:
    """Return the weights that a run keeps, by file."""
    return {file.name: file.read_bytes() for file in sorted((path / "checkpoints").glob("*.pt"))}
