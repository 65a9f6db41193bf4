"""Small cases and a slow, obvious reference: one loop over samples, one over exits."""

import itertools

import numpy as np
from hypothesis import strategies as st

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray

Case = tuple[ScoreArray, BoolArray, FloatArray]


def small_case(seed: int, samples: int, exits: int, distinct: int) -> Case:
    """Return scores with ties (``distinct`` values; 1 = constant), correctness and reach cost."""
    random = np.random.default_rng(seed)
    scores = (random.integers(distinct, size=(samples, exits)) / 8).astype(np.float32)
    correct = random.random((samples, exits)) < np.linspace(0.4, 0.8, exits)
    return scores, correct, np.cumsum(random.uniform(0.1, 2.0, size=exits))


def large_case(seed: int, samples: int, exits: int) -> Case:
    """Return distinct scores that tell something about correctness; later exits are better."""
    random = np.random.default_rng(seed)
    ease = random.normal(size=(samples, 1)) + np.linspace(0.0, 2.0, exits)
    scores = 1 / (1 + np.exp(-(ease + 0.5 * random.normal(size=ease.shape))))
    correct = random.random(ease.shape) < 1 / (1 + np.exp(-2 * ease))
    return scores.astype(np.float32), correct, np.arange(1.0, exits + 1)


def answer(vector: tuple[float, ...], case: Case) -> tuple[float, float, list[float]]:
    """Return accuracy, cost and exit rates of one threshold vector, sample by sample."""
    scores, correct, reach_cost = case
    right, spent, left = 0, 0.0, [0] * len(reach_cost)
    for n in range(len(scores)):
        for e in range(len(reach_cost)):
            if e == len(vector) or float(scores[n, e]) >= vector[e]:
                break
        right += bool(correct[n, e])
        spent += float(reach_cost[e])
        left[e] += 1
    return right / len(scores), spent / len(scores), [count / len(scores) for count in left]


def every_vector(scores: ScoreArray) -> list[tuple[float, ...]]:
    choices = [[-np.inf, *sorted(set(column.tolist())), np.inf] for column in scores.T[:-1]]
    return list(itertools.product(*choices))


def brute_force_front(case: Case) -> list[tuple[float, float]]:
    """Return (cost, accuracy) of the non-dominated vectors, rounded, by increasing cost."""
    answers = [answer(vector, case)[:2] for vector in every_vector(case[0])]
    points = sorted({(round(cost, 9), -round(accuracy, 9)) for accuracy, cost in answers})
    front: list[tuple[float, float]] = []
    for cost, negative in points:
        if not front or -negative > front[-1][1]:
            front.append((cost, -negative))
    return front


small_cases = st.builds(
    small_case,
    seed=st.integers(0, 10_000),
    samples=st.integers(1, 7),
    exits=st.integers(1, 4),
    distinct=st.integers(1, 5),
)
