"""The end of a search by inheritance: its best heirs are trained, from the weights that they inherited.

An heir's accuracy ranks; what a network can do it shows once it is trained.  Finalists are those that
survivors would be: the best by non-dominated rank and crowding among all heirs, those left out whose training
would exceed ``evaluation.max_training_macs``.  Each is trained for
``training.epochs`` with the settings of ``mode: scratch``, and its evaluation takes the place of the
heir's.  Once all are trained they alone hold the front: the most accurate of hundreds of heirs on one set
of images is mostly the luckiest.  What it was as an heir stays on the shelf of rungs, so that a replay
proposes what the search did, and a run that is made longer ends as one that was as long from its start.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import Leg
from aebnas.search.events import Finalists, FinalistsChosen, Warned
from aebnas.search.individuals import with_free_points
from aebnas.search.promotion import best_first
from aebnas.search.proposers import Individual
from aebnas.search.rung_shelf import leg_name
from aebnas.search.rung_work import Decided, Parts, RungWork


class Finale(RungWork):
    """Trains the finalists of one search."""

    def __init__(self, parts: Parts) -> None:
        """Read whose weights an earlier sitting kept."""
        super().__init__(parts)
        self._epochs = parts.config.training.epochs
        self._front = {str(name[0]) for one in parts.store.generations()[-1:] for name in one["front"]}
        self.failures: list[Evaluation] = []
        """Heirs and finalists whose weights could not be made again."""

    def as_heir(self, evaluation: Evaluation) -> Evaluation:
        """Return what a candidate was before a finale: the same, unless one trained it."""
        return self._shelf.heir(evaluation.key, self._context) or evaluation

    def trained(self) -> set[str]:
        """Return the candidates whose evaluations took the place of those of heirs."""
        return self._shelf.heir_keys(self._context)

    def spared(self) -> set[str]:
        """Return whose weights a replay must not delete: an earlier end had them, as this one may."""
        return self.trained() | self._front

    def run(
        self, individuals: Sequence[Individual], evaluations: Mapping[str, Evaluation], decided: Decided
    ) -> Finalists:
        """Train the finalists, as many as the time allows; put back those of a shorter run.

        Args:
            individuals: Of the whole search, in the order in which they were told.
            evaluations: Of its heirs, by key.
            decided: Told what came of each finalist, and whether the store knew it.
        """
        heirs = {key: one for key, one in evaluations.items() if one.is_done}
        genomes, wanted = [one.genome for one in individuals], self._config.evaluation.finalists
        ranked = best_first(self._space, genomes, heirs, self._config) if wanted else []
        best = self._allowed(ranked, heirs)[:wanted]
        found = {key: one for key in best if (one := self._known(key)) is not None}
        unknown = [heirs[key] for key in best if key not in found]
        if best:
            self._listener(FinalistsChosen(len(best), len(unknown), self._epochs))
        for one in list(found.values()):
            decided(one, True)
        for one in self._finalists(unknown):
            found[one.key] = one
            decided(one, False)
        if len(found) == len(best):
            self._shelf.clear()
        before = self.trained()
        back = {key: self._shelf.heir(key, self._context) for key in sorted(before - set(best))}
        self._make_again({key: one for key, one in back.items() if one is not None}, as_heirs=True)
        heirs_again = len(before - self.trained())
        if heirs_again:
            self._listener(
                Warned(
                    f"{heirs_again} that an earlier end of this run trained are no finalists any more and "
                    "count as heirs again; should they be finalists later, they are trained anew"
                )
            )
        failures = tuple(key for key, one in found.items() if not one.is_done)
        return Finalists(len(best), len(found) - len(failures), len(failures), failures)

    def now(
        self, individuals: Sequence[Individual], evaluations: Mapping[str, Evaluation]
    ) -> list[Individual]:
        """Return the individuals of a search whose finalists are trained.

        Args:
            individuals: Of its heirs.
            evaluations: As they are now, by key.
        """
        trained = self.trained()
        genomes = [one.genome for one in individuals if one.key in trained]
        left = [one for one in individuals if one.key not in trained]
        return left + with_free_points(self._space, genomes, dict(evaluations), self._config)

    def judged(self, told: Finalists, individuals: Sequence[Individual]) -> Finalists:
        """Return what came of the finalists, and whether they alone hold the front.

        Not while one may still be trained, by more time or another try, nor where none is feasible.

        Args:
            told: What came of them.
            individuals: Of the whole search, as they are now.
        """
        trained = self.trained()
        failed = (self._shelf.find(key, self._context, self._epochs) for key in told.failures)
        is_open = told.left > 0 or any(one is not None and one.is_machine_failure for one in failed)
        is_feasible = any(one.is_feasible for one in individuals if one.key in trained)
        return replace(told, hold_front=is_feasible and not is_open)

    def restore(self, front: Sequence[Evaluation]) -> bool:
        """Give the front the weights that it lacks; return whether all have theirs.

        Heirs', which a finalist of before took from them; finalists', where an end by an older rule left
        them out.
        """
        lost = {one.key: one for one in front if not self._store.weights_path(one.key).exists()}
        trained = self.trained()
        heirs = {key: one for key, one in lost.items() if key not in trained}
        finalists = {key: one for key, one in lost.items() if key in trained}
        left = self._make_again(heirs, as_heirs=True) + self._make_again(finalists, as_heirs=False)
        return not left

    def _allowed(self, ranked: Sequence[str], heirs: Mapping[str, Evaluation]) -> list[str]:
        """Return the heirs, which cost no training, that are within the limit on that of a finalist.

        And those that were trained or refused when there was no such rule: a resume trains no others.
        """
        limit, images = self._config.evaluation.max_training_macs, self._store.fact("train_images")
        if limit is None or images is None:
            return list(ranked)
        most = limit / (images * self._epochs)
        found = [
            key
            for key in ranked
            if heirs[key].reach_macs[-1] <= most or self._shelf.find(key, self._context, self._epochs)
        ]
        if len(found) < min(self._config.evaluation.finalists, len(ranked)):
            self._listener(
                Warned(
                    f"only {len(found)} of {len(ranked)} heirs may be finalists; training others exceeds "
                    f"evaluation.max_training_macs = {limit:.3g} in {self._epochs} epochs"
                )
            )
        return found

    def _known(self, key: str) -> Evaluation | None:
        """Return what a finalist's training gave, if it is in the heir's place already, or failed."""
        found = self._shelf.find(key, self._context, self._epochs)
        if found is None or not found.is_done:
            return found
        if self._shelf.heir(key, self._context) is not None:
            stored = self._store.find(key, self._context)
            if stored is not None and stored.epochs == self._epochs:
                return stored
        return self._promoted(found)

    def _finalists(self, heirs: Sequence[Evaluation]) -> Iterator[Evaluation]:
        """Train heirs; yield what came of each."""
        architectures = [one.architecture for one in heirs]

        def name(key: str) -> str:
            return leg_name(key, self._epochs)

        for outcome in self._train(architectures, lambda key: Leg(0, self._epochs), name):
            evaluation = replace(outcome.evaluation, epochs=self._epochs)
            self._shelf.add(replace(outcome, evaluation=evaluation), self._context)
            promoted = self._promoted(evaluation) if evaluation.is_done else evaluation
            if promoted is not None:
                yield promoted

    def _promoted(self, trained: Evaluation) -> Evaluation | None:
        """Put what a training gave in the heir's place; None: its weights are forgotten."""
        key = trained.key
        artefacts = self._shelf.artefacts(key, self._context, self._epochs)
        heir = self._shelf.heir(key, self._context) or self._store.find(key, self._context)
        if artefacts is None or heir is None:
            return None
        whole = replace(
            trained,
            seconds=trained.seconds + heir.seconds,
            cpu_seconds=trained.cpu_seconds + heir.cpu_seconds,
        )
        self._shelf.keep_heir(key, self._context)
        self._store.add(Outcome(whole, artefacts), self._context)
        self._shelf.forget_artefacts([(key, self._epochs)])
        return whole

    def _make_again(self, candidates: Mapping[str, Evaluation], as_heirs: bool) -> int:
        """Make weights and scores again, for the evaluations given; return of how many they are missing.

        As heirs, candidates inherit as they did; else they are trained as finalists.  The search goes on
        by what it knew, also where another machine rounds differently.
        """
        left, leg = len(candidates), None if as_heirs else Leg(0, self._epochs)
        put = self._shelf.put_back if as_heirs else self._shelf.refill
        for outcome in self._train([one.architecture for one in candidates.values()], lambda key: leg, None):
            if not outcome.evaluation.is_done:  # it was before: the machine failed
                self.failures.append(outcome.evaluation)
            else:
                put(replace(outcome, evaluation=candidates[outcome.evaluation.key]), self._context)
                left -= 1
        return left
