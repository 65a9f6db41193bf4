"""A search: ask, evaluate, tell, keep; resumed by replaying it.

``Search.run`` yields one ``Generation`` after the other; the command line, tests
and notebooks consume it alike.  A restart begins with the same seed and answers
what the run store knows, so that the state of the algorithm is never stored: the
front of an interrupted and resumed run is that of an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from aebnas.errors import WorkerError
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Evaluation
from aebnas.runs.individuals import (
    FrontPoint,
    Individual,
    advice_on_inherited,
    dominated_share,
    pareto_front,
    with_free_points,
    worth_keeping,
)
from aebnas.runs.repeatability import Repeatability
from aebnas.runs.status import RunStatus
from aebnas.runs.store.store import RunStore
from aebnas.search.budget import TrainingBudget
from aebnas.search.clock import RunClock
from aebnas.search.events import (
    CandidateFinished,
    Generation,
    Listener,
    SearchStarted,
    Warned,
    ignore,
)
from aebnas.search.failures import all_failed, cluster_lost
from aebnas.search.fidelity.finals import Ended, Finals
from aebnas.search.fidelity.generations import GenerationEvaluator
from aebnas.search.fidelity.keeping import Keeping, best_so_far
from aebnas.search.fidelity.promotion import finished_at, keys_best_first
from aebnas.search.fidelity.steps import Steps
from aebnas.search.problem import SearchProblem
from aebnas.search.proposers.api import Proposer
from aebnas.search.start import planned_candidates, reference
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.search.workers.pool import Pool
from aebnas.search.workers.trainings import Trainings
from aebnas.space.genes import Genome


class Search:
    """One search over one space, kept in one run store."""

    def __init__(
        self,
        problem: SearchProblem,
        store: RunStore,
        pool: Callable[[Listener], Pool],
        fingerprint: str,
        proposer: Proposer,
        listener: Listener = ignore,
        change: str | None = None,
    ) -> None:
        """Prepare a search, to be run once.

        Args:
            problem: What is searched, for what, and how.
            store: Where evaluations are kept.
            pool: Makes the workers, which tell what they do; called when the first candidate has to be
                trained.
            fingerprint: Of the splits.
            proposer: As new, of ``make_proposer``.
            listener: Told what happens.
            change: How conditions differ from those in which the run began; marks what is trained.
        """
        self._problem, self._goals, self._plan = problem, problem.goals, problem.plan
        self._space = space = problem.space
        self._store = store
        self._proposer = proposer
        self._listener = listener
        self._change = change
        self._repeatability = Repeatability(store, change)
        candidates = problem.candidates
        context = context_key(candidates, fingerprint, problem.devices.fingerprints())
        self._budget = TrainingBudget(problem.search.max_trainings, self._plan)
        self._clock = RunClock(store, problem.search.max_minutes)
        self._trainings = Trainings(pool, store, context, self._clock, self._repeatability, listener)
        self._steps = Steps(self._plan, store, context, self._trainings)
        self._batches = GenerationEvaluator(self._steps, space, self._goals, listener)
        self._finals = Finals(self._steps, space, self._goals, candidates.max_training_macs, listener)
        self._keeping = Keeping(store, self._plan)
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
        self._clock.begin()
        self._store.put_status(RunStatus.RUNNING)
        try:
            self._reference = reference(self._problem)
            self._announce()
            yield from self._generations()
            self._repeatability.settle()
            self._store.put_status(RunStatus.FINISHED)
        except KeyboardInterrupt:
            self._store.put_status(RunStatus.INTERRUPTED)
            self._clock.note()
            raise
        except WorkerError as error:
            self._store.put_status(RunStatus.STOPPED, str(error))
            self._clock.note()
            if isinstance(error, ClusterLostError):
                raise cluster_lost(self._store.path, self._store.count(), error) from error
            raise
        finally:
            self._trainings.close()

    def _generations(self) -> Iterator[Generation]:
        generation, last = None, 0
        for number in range(1, self._problem.search.generations + 1):
            proposed = self._proposer.ask()
            asked = self._budget.affordable(proposed, self._evaluations)
            if not asked:
                break
            generation, last = self._generation(number, asked, len(asked) < len(proposed)), number
            yield generation
            if not generation.is_complete:
                break
        if generation is not None and generation.is_complete:
            yield from self._end(generation)
        self._store.forget_generations_after(last)

    def _generation(self, number: int, asked: Sequence[Genome], is_cut: bool) -> Generation:
        is_complete = self._batches.evaluate(asked, self._finish)
        keys = [self._space.decode(genome).key() for genome in asked]
        individuals = with_free_points(self._space, asked, self._evaluations, self._goals)
        if not individuals and not self._individuals:
            failed = [self._evaluations[key] for key in keys if key in self._evaluations]
            if failed:  # else stopped before anything finished
                raise all_failed(self._store.path, failed)
        self._individuals += individuals
        front = pareto_front(self._individuals, self._evaluations)
        if is_complete:
            self._proposer.tell(individuals)
        else:
            self._repeatability.cut()
        generation = self._described(number, keys, front, is_complete)
        if is_complete:
            kept = worth_keeping(self._individuals, front, self._problem.search.population)
            self._keeping.after_generation(generation, self._evaluations, kept | self._best_so_far(), is_cut)
        self._store.put_generation(number, generation.summary(self._reference))
        self._listener(generation)
        if number == 1 and not front and self._trainings.has_begun:  # no replay
            self._warn_of_limits()
        return generation

    def _described(
        self, number: int, keys: Sequence[str], front: tuple[FrontPoint, ...], is_complete: bool
    ) -> Generation:
        """Return what a generation came to, as listeners and the run store are told."""
        return Generation(
            number=number,
            proposed=tuple(dict.fromkeys(keys)),
            trainings=len(self._evaluations),
            failed=sum(not evaluation.is_done for evaluation in self._evaluations.values()),
            hypervolume=dominated_share(self._individuals, self._reference),
            front=front,
            is_complete=is_complete,
            surrogate=self._proposer.status() if is_complete else None,
            full_trainings=self._budget.full_trainings(self._evaluations),
            reached=self._reached(keys) if self._plan.halves else {},
        )

    def _reached(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self._evaluations[key].fidelity for key in keys if key in self._evaluations}

    def _best_so_far(self) -> set[str]:
        """Return who would be taken further, if that begins with weights that have to be kept for it."""
        if not self._plan.finals or not self._plan.finals[0].continues:
            return set()
        last = self._plan.of_generations[-1].name
        done = finished_at(last, self._evaluations)
        genomes = [individual.genome for individual in self._individuals]
        return best_so_far(self._plan, keys_best_first(self._space, genomes, done, self._goals))

    def _warn_of_limits(self) -> None:
        """Say that limits on accuracy are held against what candidates inherit."""
        advice = advice_on_inherited(
            self._goals, self._plan, (individual.metrics["accuracy"] for individual in self._individuals)
        )
        if advice is not None:
            text = "no candidate of the first generation satisfies the constraints"
            self._listener(Warned(f"{text}. {advice}"))

    def _end(self, last: Generation) -> Iterator[Generation]:
        """Take the best further; tell the last generation again, with the front that is now."""
        ended = self._finals.run(self._individuals, self._evaluations, self._finish_final)
        self._evaluations, self._individuals = ended.evaluations, ended.individuals
        on_front = self._finals.on_front(ended)
        front = pareto_front(on_front, self._evaluations)
        generation = replace(
            last,
            hypervolume=dominated_share(on_front, self._reference),
            front=front,
            finals=tuple(final for final in ended.finals if final.chosen),
        )
        self._settle(ended, generation)
        if generation.finals:
            self._listener(generation)
            yield generation

    def _settle(self, ended: Ended, generation: Generation) -> None:
        """See that what the front is made of is there, forget the rest, keep the summary."""
        keys = [point.key for point in generation.front]
        keys += [key for final in ended.finals for key in final.trained]
        candidates = [self._evaluations[key] for key in dict.fromkeys(keys)]
        is_whole = self._steps.make_again(candidates)
        for failure in self._steps.failures:
            self._repeatability.answered(failure)
        if self._clock.is_late() and (ended.is_left_open or not is_whole):
            self._repeatability.cut()
        self._keeping.after_end(candidates)
        self._store.put_generation(generation.number, generation.summary(self._reference))

    def _finish(self, evaluation: Evaluation, cached: bool, remaining: int) -> None:
        """Take an evaluation in."""
        self._evaluations[evaluation.key] = evaluation
        self._finish_final(evaluation, cached, remaining)

    def _finish_final(self, evaluation: Evaluation, cached: bool, remaining: int) -> None:
        """Tell an evaluation."""
        self._repeatability.answered(evaluation)
        self._listener(CandidateFinished(evaluation, cached, min(remaining, self._trainings.workers)))

    def _announce(self) -> None:
        search = self._problem.search
        self._listener(
            SearchStarted(
                run=str(self._store.path),
                generations=search.generations,
                planned=planned_candidates(self._problem.search, self._plan) + self._plan.final_trainings,
                max_trainings=search.max_trainings,
                max_minutes=search.max_minutes,
                known=self._store.count(),
                spent_seconds=float(self._store.metadata("elapsed_seconds", 0.0)),
                finals=self._plan.final_trainings,
                inherits=self._plan.inherits,
            )
        )
        if self._change is not None:
            self._listener(
                Warned(
                    f"conditions have changed since the run began ({self._change}): new trainings may come "
                    "out differently, and mark the run as not exactly repeatable"
                )
            )
