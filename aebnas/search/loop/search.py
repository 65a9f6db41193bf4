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
from aebnas.runs.repeatability import Repeatability
from aebnas.runs.status import RunStatus
from aebnas.runs.store.store import RunStore
from aebnas.search.events import (
    CandidateFinished,
    Generation,
    Listener,
    SearchStarted,
    Warned,
    ignore,
)
from aebnas.search.fidelity.finals import FinalsOutcome, FinalTrainings
from aebnas.search.fidelity.generations import GenerationEvaluator
from aebnas.search.fidelity.keeping import KeptArtefacts
from aebnas.search.fidelity.steps import FidelitySteps
from aebnas.search.loop.budget import TrainingBudget
from aebnas.search.loop.clock import RunClock
from aebnas.search.loop.failures import all_failed, cluster_lost
from aebnas.search.loop.history import SearchHistory
from aebnas.search.problem import SearchProblem
from aebnas.search.proposers.api import Proposer
from aebnas.search.start import planned_candidates, reference
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.search.workers.pool import WorkerPool
from aebnas.search.workers.trainings import Trainings
from aebnas.space.genes import Genome


class Search:
    """One search over one space, kept in one run store."""

    def __init__(
        self,
        problem: SearchProblem,
        store: RunStore,
        pool: Callable[[Listener], WorkerPool],
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
        self._problem, self._plan = problem, problem.plan
        self._store, self._proposer, self._listener, self._change = store, proposer, listener, change
        self._repeatability = Repeatability(store, change)
        self.history = SearchHistory(problem, reference(problem))
        """What was evaluated so far."""
        self._budget = TrainingBudget(problem.search.max_trainings, self._plan)
        self._clock = RunClock(store, problem.search.max_minutes)
        context = context_key(problem.candidates, fingerprint, problem.devices.fingerprints())
        self._trainings = Trainings(pool, store, context, self._clock, self._repeatability, listener)
        self._steps = FidelitySteps(self._plan, store, context, self._trainings)
        self._evaluator = GenerationEvaluator(self._steps, problem.space, problem.goals, listener)
        max_macs = problem.candidates.max_training_macs
        self._finals = FinalTrainings(self._steps, problem.space, problem.goals, max_macs, listener)
        self._kept = KeptArtefacts(store, self._plan)

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
            asked = self._budget.affordable(proposed, self.history.evaluations)
            if not asked:
                break
            generation, last = self._generation(number, asked, len(asked) < len(proposed)), number
            yield generation
            if not generation.is_complete:
                break
        if generation is not None and generation.is_complete:
            yield from self._final_trainings(generation)
        self._store.forget_generations_after(last)

    def _generation(self, number: int, asked: Sequence[Genome], is_cut: bool) -> Generation:
        """Evaluate a generation, tell the proposer, keep what later ones need.

        Args:
            number: From 1.
            asked: Genomes in ask order.
            is_cut: Whether the budget allows fewer than were proposed.
        """
        history = self.history
        is_complete = self._evaluator.evaluate(asked, self._on_evaluation)
        individuals = history.add_generation(asked)
        if not history.individuals:
            self._refuse_failures(history.failed(history.keys(asked)))
        if is_complete:
            self._proposer.tell(individuals)
        else:
            self._repeatability.cut()
        generation = history.generation(number, asked, is_complete, self._budget)
        if is_complete:
            generation = replace(generation, surrogate=self._proposer.status())
            kept = history.worth_keeping(generation.front) | self._baselines()
            self._kept.after_generation(generation, history.evaluations, kept, is_cut)
        self._store.put_generation(number, generation.summary(history.reference))
        self._listener(generation)
        if number == 1 and not generation.front and self._trainings.has_begun:  # no replay
            self._warn_of_limits()
        return generation

    def _refuse_failures(self, failed: Sequence[Evaluation]) -> None:
        """End a search whose first generation led to nothing.

        Raises:
            WorkerError: Every candidate failed; not where it was stopped before anything finished.
        """
        if failed:
            raise all_failed(self._store.path, failed)

    def _warn_of_limits(self) -> None:
        """Say that limits on accuracy are held against what candidates inherit."""
        advice = self.history.advice_on_limits()
        if advice is not None:
            text = "no candidate of the first generation satisfies the constraints"
            self._listener(Warned(f"{text}. {advice}"))

    def _final_trainings(self, last: Generation) -> Iterator[Generation]:
        """Take the best further; tell the last generation again, with the front that is now."""
        history = self.history
        ended = self._finals.run(history.individuals, history.evaluations, self._report)
        history.replace(ended)
        on_front = self._finals.on_front(ended)
        generation = replace(
            last,
            hypervolume=history.hypervolume(on_front),
            front=history.front(on_front),
            finals=tuple(final for final in ended.finals if final.chosen),
        )
        self._settle(ended, generation)
        if generation.finals:
            self._listener(generation)
            yield generation

    def _settle(self, ended: FinalsOutcome, generation: Generation) -> None:
        """See that what the front is made of is there, forget the rest, keep the summary."""
        keys = [point.key for point in generation.front]
        keys += [key for final in ended.finals for key in final.trained]
        candidates = [ended.evaluations[key] for key in dict.fromkeys(keys)]
        is_whole = self._steps.make_again(candidates)
        for failure in self._steps.failures:
            self._repeatability.answered(failure)
        if self._clock.is_late() and (ended.is_left_open or not is_whole):
            self._repeatability.cut()
        self._kept.after_end(candidates)
        self._store.put_generation(generation.number, generation.summary(self.history.reference))

    def _baselines(self) -> set[str]:
        """Return the networks without exits that cascades are made of, from their logits."""
        keys = self.history.keys(self._problem.space.baselines())
        return {key for key in keys if key in self.history.evaluations}

    def _on_evaluation(self, evaluation: Evaluation, is_cached: bool, remaining: int) -> None:
        """Add a candidate of a generation to the history, and report it."""
        self.history.add(evaluation)
        self._report(evaluation, is_cached, remaining)

    def _report(self, evaluation: Evaluation, is_cached: bool, remaining: int) -> None:
        """Tell the listener of an evaluation, of a generation or of a final training."""
        self._repeatability.answered(evaluation)
        self._listener(CandidateFinished(evaluation, is_cached, min(remaining, self._trainings.workers)))

    def _announce(self) -> None:
        search = self._problem.search
        self._listener(
            SearchStarted(
                run=str(self._store.path),
                generations=search.generations,
                planned=planned_candidates(search, self._plan, len(self._problem.space.baselines()))
                + self._plan.final_trainings,
                max_trainings=search.max_trainings,
                max_minutes=search.max_minutes,
                known=self._store.count(),
                spent_seconds=float(self._store.metadata("elapsed_seconds", 0.0)),
                finals=self._plan.final_trainings,
                are_trainings=self._plan.are_trainings,
            )
        )
        if self._change is not None:
            self._listener(
                Warned(
                    f"conditions have changed since the run began ({self._change}): new trainings may come "
                    "out differently, and mark the run as not exactly repeatable"
                )
            )
