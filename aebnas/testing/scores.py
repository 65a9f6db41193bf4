"""What every exit score must hold to."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.core.scores import softmax
from aebnas.testing.contract import Contract, inherited

sizes = st.tuples(st.integers(0, 10_000), st.integers(1, 25), st.integers(2, 12))


class ScoreContract(Contract):
    """Tests of an exit score; a subclass says which."""

    @abstractmethod
    def score(self) -> Callable[[FloatArray], FloatArray]:
        """Return the function."""

    def scores(self, logits: FloatArray) -> Any:
        """Return the scores of logits ``(N, K)``."""
        score = self.score()
        reads_logits = next(iter(inspect.signature(score).parameters)) == "logits"
        return score(logits.copy() if reads_logits else softmax(logits))

    @inherited
    @given(sizes)
    def test_every_sample_gets_a_finite_score(self, size: tuple[int, int, int]) -> None:
        scores = np.asarray(self.scores(_logits(size)))
        assert scores.shape == (size[1],)
        assert np.isfinite(scores).all()

    @inherited
    @given(sizes)
    def test_a_sample_is_scored_alike_alone_and_in_a_batch(self, size: tuple[int, int, int]) -> None:
        logits = _logits(size)
        alone = [float(self.scores(row[np.newaxis])[0]) for row in logits]
        assert np.asarray(self.scores(logits)).tolist() == alone

    @inherited
    @given(sizes)
    def test_extreme_logits_are_scored_too(self, size: tuple[int, int, int]) -> None:
        for factor in (0.0, 1e-6, 1e3):
            assert np.isfinite(self.scores(factor * _logits(size))).all()

    @inherited
    @given(st.integers(2, 12), st.data())
    def test_who_is_certain_scores_higher_than_who_is_not(self, classes: int, data: st.DataObject) -> None:
        logits = np.zeros((2, classes))
        logits[0, data.draw(st.integers(0, classes - 1))] = 12.0
        certain, uncertain = self.scores(logits)
        assert certain > uncertain


def _logits(size: tuple[int, int, int]) -> FloatArray:
    seed, samples, classes = size
    return np.random.default_rng(seed).normal(0, 3, (samples, classes))
