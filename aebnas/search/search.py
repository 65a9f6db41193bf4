"""A search: ask, evaluate, tell, keep; resumed by replaying it.

``Search.run`` yields one ``Generation`` after the other; the command line, tests
and notebooks consume it alike.  A restart begins with the same seed and answers
what the run store knows, so that the state of the algorithm is never stored: the
front of an interrupted and resumed run is that of an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace

from aebnas.config.schema import SearchFile
from aebnas.errors import WorkerError
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import LegOf, in_full, ladder_of
from aebnas.hardware.device_costs import DeviceCosts
from aebnas.search.budget import Budget
from aebnas.search.clock import Clock
from aebnas.search.cluster.contract import ClusterLostError
from aebnas.search.events import (
    CandidateFinished,
    Event,
    Generation,
    Listener,
    SearchStarted,
    SupernetProgress,
    Warned,
    WorkersStarted,
    ignore,
)
from aebnas.search.failures import all_failed, cluster_lost
from aebnas.search.finale import Finale
from aebnas.search.halving import Halving
from aebnas.search.individuals import (
    advice_on_heirs,
    dominated_share,
    pareto_front,
    with_free_points,
    worth_keeping,
)
from aebnas.search.pool import Pool
from aebnas.search.proposers import Individual, Proposer
from aebnas.search.repeatability import Repeatability
from aebnas.search.rung_work import Parts
from aebnas.search.start import planned_candidates, reference
from aebnas.search.store import RunStore
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import Genome
from aebnas.task.task import classification


class Search:
    """One search over one space, kept in one run store."""

    def __init__(
        self,
        config: SearchFile,
        space: SearchSpace,
        store: RunStore,
        pool: Callable[[Listener], Pool],
        data: tuple[str, int, int],
        proposer: Proposer,
        listener: Listener = ignore,
        change: str | None = None,
        devices: DeviceCosts | None = None,
    ) -> None:
        """Prepare a search, to be run once.

        Args:
            config: The whole search-space file.
            space: Its space, with the trade-offs of ``config.search``.
            store: Where evaluations are kept.
            pool: Makes the workers, which tell what they do; called when the first candidate has to be
                trained.
            data: Fingerprint of the splits, channels of the images, number of classes.
            proposer: As new, of ``make_proposer``.
            listener: Told what happens.
            change: How conditions differ from those in which the run began; marks what is trained.
            devices: Hardware profiles of the search.
        """
        fingerprint, *shape = data
        self._task = classification(*shape)
        self._config = config
        self._space = space
        self._store = store
        self._make_pool = pool
        self._pool: Pool | None = None
        self._proposer = proposer
        self._listener = listener
        self._change = change
        self._repeatability = Repeatability(store, change)
        self._devices = DeviceCosts() if devices is None else devices
        self._context = context_key(config, fingerprint, self._devices.fingerprints())
        ladder = ladder_of(config)
        self._budget = Budget(config, ladder)
        parts = Parts(config, space, store, self._context, self._train, listener)
        self._halving = None if ladder is None else Halving(parts, ladder)
        self._finale = Finale(parts) if config.evaluation.mode == "supernet" else None
        self._evaluations: dict[str, Evaluation] = {}
        self._individuals: list[Individual] = []
        self._reference: tuple[float, ...] = ()

    def run(self) -> Iterator[Generation]:
        """Yield each generation once it is told; close the workers in the end.

        Raises:
            WorkerError: Every candidate of the first generation failed, or workers do not start.
            ClusterLostError: Ray is gone; says what is kept and how to continue.
            RunError: The run store cannot be written.
        """
        search = self._config.search
        self._clock = Clock(self._store, search.max_minutes)
        self._store.put_fact("status", "running")
        try:
            self._reference = reference(self._config, self._space, self._task, self._devices)
            self._announce()
            generation, last = None, 0
            for number in range(1, search.generations + 1):
                proposed = self._proposer.ask()
                asked = self._budget.affordable(proposed, self._evaluations)
                if not asked:
                    break
                generation, last = self._generation(number, asked, len(asked) < len(proposed)), number
                yield generation
                if not generation.is_complete:
                    break
            if self._finale is not None and generation is not None and generation.is_complete:
                yield from self._end(self._finale, generation)
            self._store.forget_generations_after(last)
            self._repeatability.settle()
            self._store.put_fact("status", "finished")
        except KeyboardInterrupt:
            self._store.put_fact("status", "interrupted")
            self._clock.note()
            raise
        except WorkerError as error:
            self._store.put_fact("status", f"stopped: {error}")
            self._clock.note()
            if isinstance(error, ClusterLostError):
                raise cluster_lost(self._store.path, self._store.count(), error) from error
            raise
        finally:
            self._close()

    def _generation(self, number: int, asked: Sequence[Genome], is_cut: bool) -> Generation:
        architectures = {a.key(): a for a in (self._space.decode(genome) for genome in asked)}
        if self._halving is None:
            self._evaluate(list(architectures.values()))
            is_complete = all(key in self._evaluations for key in architectures)
        else:
            is_complete = self._halving.evaluate(asked, lambda one, cached: self._finish(one, cached, 0))
        found = with_free_points(self._space, asked, self._evaluations, self._config)
        if not found and not self._individuals:
            failed = [self._evaluations[key] for key in architectures if key in self._evaluations]
            if failed:  # else stopped before anything finished
                raise all_failed(self._store.path, failed)
        self._individuals += found
        front = pareto_front(self._individuals, self._evaluations)
        if is_complete:
            self._proposer.tell(found)
        else:
            self._repeatability.cut()
        generation = Generation(
            number=number,
            proposed=tuple(architectures),
            trainings=len(self._evaluations),
            failed=sum(not evaluation.is_done for evaluation in self._evaluations.values()),
            hypervolume=dominated_share(self._individuals, self._reference),
            front=front,
            is_complete=is_complete,
            surrogate=self._proposer.standing() if is_complete else None,
            full_trainings=self._budget.full_trainings(self._evaluations),
        )
        self._keep(generation, is_cut, frozenset() if self._finale is None else self._finale.spared())
        self._listener(generation)
        if number == 1 and not front and self._pool is not None:  # no replay
            self._warn_of_limits_on_heirs()
        return generation

    def _warn_of_limits_on_heirs(self) -> None:
        """Say that limits on accuracy are held against what heirs inherit."""
        advice = advice_on_heirs(self._config, (one.metrics["accuracy"] for one in self._individuals))
        if advice is not None:
            text = "no candidate of the first generation satisfies the constraints"
            self._listener(Warned(f"{text}. {advice}"))

    def _end(self, finale: Finale, last: Generation) -> Iterator[Generation]:
        """Train the finalists; tell the last generation again, with the front that is now."""
        told = finale.run(
            self._individuals,
            dict(self._evaluations),
            lambda one, cached: self._finish(one, cached, busy=0, counts=one.is_done),
        )
        trained = finale.trained()
        for key in trained & self._evaluations.keys():
            # of a shorter run, if the time or the machine did not let it be an heir again
            self._evaluations[key] = self._store.find(key, self._context) or self._evaluations[key]
        self._individuals = finale.now(self._individuals, self._evaluations)
        told = finale.judged(told, self._individuals)
        standing = [one for one in self._individuals if one.key in trained or not told.hold_front]
        front = pareto_front(standing, self._evaluations)
        is_whole = finale.restore([self._evaluations[key] for key in dict.fromkeys(one.key for one in front)])
        for one in finale.failures:
            self._repeatability.answered(one)
        if self._clock.is_late() and (told.left or not is_whole or len(trained) != told.trained):
            self._repeatability.cut()
        share = dominated_share(standing, self._reference)
        generation = replace(
            last, hypervolume=share, front=front, finalists=told if told.chosen or trained else None
        )
        self._keep(generation, is_cut=False, spared=trained)
        if generation.finalists is not None:
            self._listener(generation)
            yield generation

    def _evaluate(self, architectures: Sequence[Architecture]) -> None:
        """Answer from the store what it knows, train the rest."""
        unknown = []
        for architecture in architectures:
            evaluation = self._known(architecture.key())
            if evaluation is None:
                unknown.append(architecture)
            else:
                self._finish(evaluation, cached=True, busy=0)
        remaining = len(unknown)
        for outcome in self._train(unknown):
            remaining -= 1
            self._store.add(outcome, self._context)
            self._finish(outcome.evaluation, cached=False, busy=min(remaining, self._workers))

    def _known(self, key: str) -> Evaluation | None:
        """Return what the store says of a candidate, of a finalist what it was before."""
        found = self._store.find(key, self._context)
        return found if found is None or self._finale is None else self._finale.as_heir(found)

    def _train(
        self,
        architectures: Sequence[Architecture],
        leg: LegOf = in_full,
        name: Callable[[str], str] | None = str,
    ) -> Iterator[Outcome]:
        """Yield outcomes as they finish; begin nothing more once the time is up.

        Without names, no attempts are noted: it is what the run did before that is done again.
        """
        if not architectures or self._clock.is_late():
            return
        if self._pool is None:
            self._pool = self._make_pool(self._hear)
            self._listener(WorkersStarted(self._pool.size))

        def started(key: str) -> None:
            if name is not None:
                self._store.start_attempt(name(key), self._context)

        for outcome in self._pool.evaluate(architectures, started, leg):
            self._repeatability.trained()
            yield outcome
            if self._clock.is_late():
                self._pool.stop_starting()

    def _hear(self, event: Event) -> None:
        """Tell what the workers tell; a supernet's training counts even if nothing ends it in order."""
        if isinstance(event, SupernetProgress):
            self._clock.note()
        self._listener(event)

    @property
    def _workers(self) -> int:
        return 0 if self._pool is None else self._pool.size

    def _finish(self, evaluation: Evaluation, cached: bool, busy: int, counts: bool = True) -> None:
        """Take an evaluation in; one that does not count leaves what is known in its place."""
        if counts:
            self._evaluations[evaluation.key] = evaluation
        self._repeatability.answered(evaluation)
        self._listener(CandidateFinished(evaluation, cached, busy))

    def _keep(self, generation: Generation, is_cut: bool, spared: Set[str]) -> None:
        """Keep the generation's summary, and artefacts of the front, else of nearest misses.

        Those that are spared are kept too, whatever the front is.
        """
        if generation.is_complete:
            kept = worth_keeping(self._individuals, generation.front, self._config.search.population)
            self._store.forget_artefacts(set(self._evaluations) - kept - spared)
            self._forget_rungs(generation, is_cut)
        self._store.put_generation(generation.number, generation.summary(self._reference))

    def _forget_rungs(self, generation: Generation, is_cut: bool) -> None:
        """Forget what rungs left, unless a larger batch, or failures tried again, may promote others."""
        failed = any(self._evaluations[key].is_machine_failure for key in generation.proposed)
        if self._halving is not None and not is_cut and not failed:
            self._halving.forget_artefacts(generation.proposed)

    def _announce(self) -> None:
        search = self._config.search
        self._listener(
            SearchStarted(
                run=str(self._store.path),
                generations=search.generations,
                planned=planned_candidates(self._config) + self._config.evaluation.finalists,
                max_trainings=search.max_trainings,
                max_minutes=search.max_minutes,
                known=self._store.count(),
                spent_seconds=float(self._store.fact("elapsed_seconds", 0.0)),
                finalists=self._config.evaluation.finalists,
                inherits=self._config.evaluation.mode == "supernet",
            )
        )
        if self._change is not None:
            self._listener(
                Warned(
                    f"conditions have changed since the run began ({self._change}): new trainings may come "
                    "out differently, and mark the run as not exactly repeatable"
                )
            )

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
