"""The end of a search by inheritance: its best heirs are trained, from the weights that they inherited.

An heir's accuracy ranks; what a network can do it shows once it is trained.  Finalists are those that
survivors would be: the best by non-dominated rank and crowding among all heirs.  Each is trained for
``training.epochs`` with the settings of ``mode: scratch``, and its evaluation takes the place of the
heir's.  What it was as an heir stays on the shelf of rungs, so that a replay proposes what the search did,
and a run that is made longer ends as one that was as long from its start.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.rungs import Leg, in_full
from aebnas.search.events import FinalistsChosen, Listener
from aebnas.search.halving import Train
from aebnas.search.promotion import best_first
from aebnas.search.rung_shelf import RungShelf, leg_name
from aebnas.search.store import RunStore
from aebnas.space.genes import Genome
from aebnas.space.search_space import SearchSpace

Decided = Callable[[Evaluation, bool], None]
"""Told what a candidate is in the end, and whether the store knew it."""


class Finale:
    """Trains the finalists of one search."""

    def __init__(
        self,
        config: SearchFile,
        space: SearchSpace,
        store: RunStore,
        context: str,
        train: Train,
        listener: Listener,
    ) -> None:
        """Prepare.

        Args:
            config: The whole search-space file.
            space: Its space.
            store: Of the run.
            context: Identity of the evaluations.
            train: On the workers.
            listener: Told who was chosen.
        """
        self._config = config
        self._space = space
        self._store = store
        self._shelf = RungShelf(store)
        self._context = context
        self._train = train
        self._listener = listener

    def as_heir(self, evaluation: Evaluation) -> Evaluation:
        """Return what a candidate was before a finale: the same, unless one trained it."""
        return self._shelf.heir(evaluation.key, self._context) or evaluation

    def trained(self) -> set[str]:
        """Return the candidates whose evaluations took the place of those of heirs."""
        return self._shelf.heirs(self._context)

    def run(self, genomes: Sequence[Genome], evaluations: Mapping[str, Evaluation], decided: Decided) -> bool:
        """Train the finalists; return whether all of them were trained, or the time was up.

        Args:
            genomes: Of the whole search, in ask order.
            evaluations: Of its heirs, by key.
            decided: Told of every candidate that is no longer what it was.
        """
        done = {key: one for key, one in evaluations.items() if one.is_done}
        best = best_first(self._space, genomes, done, self._config)[: self._config.evaluation.finalists]
        known = {key: one for key in best if (one := self._known(key)) is not None}
        unknown = [evaluations[key] for key in best if key not in known]
        if best:
            self._listener(FinalistsChosen(len(best), len(unknown), self._epochs))
        for one in known.values():
            decided(one, True)
        left = len(unknown)
        for one in self._finalists(unknown):
            left -= 1
            decided(one, False)
        self._shelf.forget_artefacts((key, self._epochs) for key in best)
        return not left and self._inherit([evaluations[key] for key in sorted(self.trained() - set(best))])

    def restore(self, heirs: Sequence[Evaluation]) -> None:
        """Inherit once more what is on the front and has lost its weights to a finalist of before."""
        self._inherit([one for one in heirs if not self._store.weights_path(one.key).exists()])

    @property
    def _epochs(self) -> int:
        return self._config.training.epochs

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
        return whole

    def _inherit(self, heirs: Sequence[Evaluation]) -> bool:
        """Put heirs back, which inherit once more to the same result; return whether the time sufficed."""
        left = len(heirs)
        for outcome in self._train([one.architecture for one in heirs], in_full, str):
            left -= 1
            if outcome.evaluation.is_done:  # it was before: else the machine failed
                self._store.add(outcome, self._context)
                self._shelf.forget_heir(outcome.evaluation.key, self._context)
        return not left
