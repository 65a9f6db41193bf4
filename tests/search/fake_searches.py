"""Whole searches on fake pools: begun or continued in a run directory, by any plan of fidelities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from search.fakes import DATA, FakePool, fake_failure, fake_outcome, fake_problem

from aebnas.config import SearchFile
from aebnas.evaluation.plan import Fidelity, Step, plan_of
from aebnas.evaluation.record import Outcome, Status
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation, Listener, ignore
from aebnas.search.loop.search import Search
from aebnas.search.start import make_proposer
from aebnas.space.architecture import StagedArchitecture

Fails = Callable[[str, int], Status | None]
"""From a candidate's key and the epochs of a fidelity to how the step to it fails; None: it does not."""
Skill = Callable[[Fidelity], float]
"""From a fidelity to the share of its final skill that a network has acquired there."""


@dataclass(frozen=True)
class Finished:
    """A run that nothing interrupted; tests only read it."""

    path: Path
    generations: list[Generation]


def subnet_skill(trained: float = 1.0) -> Skill:
    """Return the skill of inherited subnets, 0.6, and of what is trained from them."""
    return lambda fidelity: trained if fidelity.level else 0.6


def halving_skill(fidelity: Fidelity) -> float:
    """Return a skill that grows with the epochs."""
    return 1 - 0.5 / fidelity.epochs


class PlanPool(FakePool):
    """Takes candidates through a plan of fidelities; their weights say whose they are and how far trained.

    In ``trained`` and in weights a candidate is ``KEY`` as inherited, ``KEY-EPOCHS`` once it is trained.
    """

    def __init__(
        self,
        config: SearchFile,
        skill: Skill,
        interrupt_after: int | None = None,
        fails: Fails = lambda key, epochs: None,
        forward: bool = False,
    ) -> None:
        super().__init__(interrupt_after, forward=forward)
        self._plan, self._skill, self._fails = plan_of(config), skill, fails

    def name(self, key: str, step: Step) -> str:
        epochs = self._plan.fidelities[step.level].epochs
        return f"{key}-{epochs}" if epochs else key

    def answer(self, architecture: StagedArchitecture, step: Step) -> Outcome:
        key, fidelity = architecture.key(), self._plan.fidelities[step.level]
        before = self.name(key, Step(step.level - 1)).encode() if fidelity.continues else None
        assert step.weights == before
        status = self._fails(key, fidelity.epochs)
        if status is not None:
            return fake_failure(architecture, status)
        outcome = fake_outcome(architecture, skilled=self._skill(fidelity))
        assert outcome.artefacts is not None
        artefacts = replace(outcome.artefacts, weights=self.name(key, step).encode())
        return Outcome(replace(outcome.evaluation, epochs=fidelity.epochs), artefacts)


def fake_search(store: RunStore, config: SearchFile, pool: FakePool, listener: Listener = ignore) -> Search:
    """Return a search of a run on a pool, not begun."""
    problem = fake_problem(config)
    return Search(problem, store, lambda on_event: pool, DATA[0], make_proposer(problem), listener)


@contextmanager
def opened(path: Path, config: SearchFile) -> Iterator[RunStore]:
    """Yield the store of a run, made where there is none; its configuration is this one from now on."""
    store = RunStore(path) if (path / "run.sqlite").exists() else RunStore.create(path, config, {})
    try:
        store.rewrite_config(config)
        yield store
    finally:
        store.close()


def searched(
    path: Path, config: SearchFile, pool: FakePool, listener: Listener = ignore, retry_failures: bool = False
) -> list[Generation]:
    """Search in a run directory, or continue the search there; return the generations."""
    with opened(path, config) as store:
        if retry_failures:
            store.forget_machine_failures()
        return list(fake_search(store, config, pool, listener).run())
