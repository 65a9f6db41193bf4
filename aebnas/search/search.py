"""A search: ask, evaluate, tell, keep; resumed by replaying it.

``Search.run`` yields one ``Generation`` after the other; the command line, tests
and notebooks consume it alike.  A restart begins with the same seed and answers
what the run store knows, so that the state of the algorithm is never stored: the
front of an interrupted and resumed run is that of an uninterrupted one.
"""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from aebnas.config.schema import SearchFile
from aebnas.errors import WorkerError
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import LegOf, in_full, ladder_of
from aebnas.hardware.device_costs import DeviceCosts
from aebnas.search.events import (
    CandidateFinished,
    Generation,
    Listener,
    SearchStarted,
    Warned,
    WorkersStarted,
    ignore,
)
from aebnas.search.finale import Finale
from aebnas.search.halving import Halving
from aebnas.search.individuals import pareto_front, with_free_points, worth_keeping
from aebnas.search.pareto import hypervolume
from aebnas.search.pool import Pool
from aebnas.search.proposers import Individual, Proposer
from aebnas.search.repeatability import Repeatability
from aebnas.search.start import planned_candidates, reference
from aebnas.search.store import RunStore
from aebnas.space.architecture import Architecture
from aebnas.space.genes import Genome
from aebnas.space.search_space import SearchSpace


class Search:
    """One search over one space, kept in one run store."""

    def __init__(
        self,
        config: SearchFile,
        space: SearchSpace,
        store: RunStore,
        pool: Callable[[], Pool],
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
            pool: Makes the workers; called when the first candidate has to be trained.
            data: Fingerprint of the splits, channels of the images, number of classes.
            proposer: As new, of ``make_proposer``.
            listener: Told what happens.
            change: How conditions differ from those in which the run began; marks what is trained.
            devices: Hardware profiles of the search.
        """
        fingerprint, self._channels, self._classes = data
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
        self._ladder = ladder_of(config)
        self._halving = (
            None
            if self._ladder is None
            else Halving(config, space, store, self._context, self._ladder, self._train, listener)
        )
        self._finale = (
            Finale(config, space, store, self._context, self._train, listener)
            if config.evaluation.mode == "supernet"
            else None
        )
        self._evaluations: dict[str, Evaluation] = {}
        self._individuals: list[Individual] = []
        self._started = time.monotonic()
        self._reference: tuple[float, ...] = ()

    def run(self) -> Iterator[Generation]:
        """Yield each generation once it is told; close the workers in the end.

        Raises:
            WorkerError: Every candidate of the first generation failed, or workers do not start.
            RunError: The run store cannot be written.
        """
        search = self._config.search
        self._started = time.monotonic() - float(self._store.fact("elapsed_seconds", 0.0))
        self._store.put_fact("status", "running")
        try:
            self._reference = reference(
                self._config, self._space, self._channels, self._classes, self._devices
            )
            self._announce()
            generation, last = None, 0
            for number in range(1, search.generations + 1):
                proposed = self._proposer.ask()
                asked = self._affordable(proposed)
                if not asked:
                    break
                generation, last = self._generation(number, asked, len(asked) < len(proposed)), number
                yield generation
                if not generation.is_complete:
                    break
            if self._finale is not None and generation is not None and generation.is_complete:
                yield from self._trained_finalists(self._finale, generation)
            self._store.forget_generations_after(last)
            self._repeatability.settle()
            self._store.put_fact("status", "finished")
        except KeyboardInterrupt:
            self._store.put_fact("status", "interrupted")
            raise
        except WorkerError as error:
            self._store.put_fact("status", f"stopped: {error}")
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
            self._all_failed(architectures)
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
            hypervolume=self._hypervolume(),
            front=front,
            is_complete=is_complete,
            surrogate=self._proposer.standing() if is_complete else None,
            full_trainings=None if self._ladder is None else self._spent() / self._config.training.epochs,
        )
        self._keep(generation, is_cut)
        self._listener(generation)
        return generation

    def _trained_finalists(self, finale: Finale, last: Generation) -> Iterator[Generation]:
        """Train the best heirs of all generations; tell the last one again, with the front that is now."""
        if not self._config.evaluation.finalists and not finale.trained():
            return
        heirs, trained = dict(self._evaluations), set[str]()

        def decided(evaluation: Evaluation, cached: bool) -> None:
            if evaluation.is_done:
                trained.add(evaluation.key)
                self._finish(evaluation, cached, busy=0)
            else:  # it stays the heir that it is
                self._repeatability.answered(evaluation)
                self._listener(CandidateFinished(evaluation, cached, busy=0))

        is_complete = finale.run([one.genome for one in self._individuals], heirs, decided)
        genomes = [one.genome for one in self._individuals if one.key in trained]
        self._individuals = [one for one in self._individuals if one.key not in trained]
        self._individuals += with_free_points(self._space, genomes, self._evaluations, self._config)
        front = pareto_front(self._individuals, self._evaluations)
        finale.restore([self._evaluations[key] for key in {one.key for one in front} - trained])
        if not is_complete:
            self._repeatability.cut()
        generation = replace(
            last,
            hypervolume=self._hypervolume(),
            front=front,
            is_complete=is_complete,
            finalists=len(trained),
        )
        self._keep(generation, is_cut=False)
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
        self, architectures: Sequence[Architecture], leg: LegOf = in_full, name: Callable[[str], str] = str
    ) -> Iterator[Outcome]:
        """Yield outcomes as they finish; begin nothing more once the time is up."""
        if not architectures or self._is_late():
            return
        if self._pool is None:
            self._pool = self._make_pool()
            self._listener(WorkersStarted(self._pool.size))
        for outcome in self._pool.evaluate(
            architectures, lambda key: self._store.start_attempt(name(key), self._context), leg
        ):
            self._repeatability.trained()
            yield outcome
            if self._is_late():
                self._pool.stop_starting()

    @property
    def _workers(self) -> int:
        return 0 if self._pool is None else self._pool.size

    def _finish(self, evaluation: Evaluation, cached: bool, busy: int) -> None:
        self._evaluations[evaluation.key] = evaluation
        self._repeatability.answered(evaluation)
        self._listener(CandidateFinished(evaluation, cached, busy))

    def _is_late(self) -> bool:
        """Return whether ``search.max_minutes`` have passed, earlier sittings of the run included."""
        elapsed = time.monotonic() - self._started
        self._store.put_fact("elapsed_seconds", round(elapsed, 3))
        limit = self._config.search.max_minutes
        return limit is not None and elapsed >= limit * 60

    def _affordable(self, proposed: Sequence[Genome]) -> Sequence[Genome]:
        """Return what ``search.max_trainings`` leaves of a batch."""
        limit = self._config.search.max_trainings
        if limit is None:
            return proposed
        if self._ladder is None:
            return proposed[: max(0, limit - len(self._evaluations))]
        left = limit * self._config.training.epochs - self._spent()
        return proposed[: self._ladder.affordable(len(proposed), left)]

    def _spent(self) -> int:
        """Return the epochs of all trainings, those of failed ones included."""
        return sum(one.epochs or 0 for one in self._evaluations.values())

    def _keep(self, generation: Generation, is_cut: bool) -> None:
        """Keep the generation's summary, and artefacts of the front, else of nearest misses."""
        if generation.is_complete:
            kept = worth_keeping(self._individuals, generation.front, self._config.search.population)
            if self._finale is not None and not generation.finalists:
                kept |= self._finale.trained()  # of an earlier sitting, which this one may come to
            self._store.forget_artefacts(set(self._evaluations) - kept)
            self._forget_rungs(generation, is_cut)
        self._store.put_generation(generation.number, generation.summary(self._reference))

    def _forget_rungs(self, generation: Generation, is_cut: bool) -> None:
        """Forget what rungs left, unless a larger batch, or failures tried again, may promote others."""
        failed = any(self._evaluations[key].is_machine_failure for key in generation.proposed)
        if self._halving is not None and not is_cut and not failed:
            self._halving.forget_artefacts(generation.proposed)

    def _hypervolume(self) -> float:
        """Return the dominated share of the box between 0 and the reference."""
        feasible = [one.objectives for one in self._individuals if one.is_feasible]
        if not feasible:
            return 0.0
        return hypervolume(np.asarray(feasible), self._reference) / float(np.prod(self._reference))

    def _all_failed(self, architectures: dict[str, Architecture]) -> None:
        reasons = Counter(self._evaluations[key].status for key in architectures if key in self._evaluations)
        if not reasons:
            return  # stopped before anything finished
        reason, count = reasons.most_common(1)[0]
        total = sum(reasons.values())
        cure = ""
        if any(
            self._evaluations[key].is_machine_failure for key in architectures if key in self._evaluations
        ):
            run = shlex.quote(str(self._store.path))
            cure = f". When the cause is cured, try them again: aebnas resume {run} --retry-failures"
        raise WorkerError(
            f"all {total} candidates of the first generation failed; {count} of them: {reason}{cure}"
        )

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
