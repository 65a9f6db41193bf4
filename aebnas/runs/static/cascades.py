"""Cascades of whole networks: an image goes on to the next one while the score of the last is low.

Nothing is trained: thresholds are set on calibrate, and what they lead to is counted on select.  Where the
logits of all networks are kept, the answer is the mean of the softmaxes of those that ran, and its margin
decides; else each network answers alone, and its stored confidence decides.  Every network that ran is
counted in full, as each reads the image again.

Source: arXiv 2012.01988.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray
from aebnas.exits.core.outcome import apply_thresholds, exit_index
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import score_named
from aebnas.runs.fronts.pareto import non_dominated
from aebnas.runs.static.answers import SPLITS, Answers
from aebnas.runs.static.networks import Kind, StaticNetwork, static_front

MOST_NETWORKS = 6
"""Of which cascades are made: 15 pairs and 20 triples."""
STEPS = {2: 24, 3: 10}
"""Thresholds of each network but the last, by the length of a cascade: shares of images that go on."""
SCORE, SCORE_OF_MEAN = "confidence", "margin"


@dataclass(frozen=True, eq=False)
class _Member:
    """A whole network with its one exit on both splits."""

    network: StaticNetwork
    samples: tuple[ExitSamples, ...]
    """On calibrate and on select."""
    scores: tuple[ScoreArray, ...]
    """On both, each ``(N,)``."""
    probabilities: tuple[FloatArray, ...] | None
    """On both, each ``(N, classes)``; None: its logits are not kept."""


def cascades(alone: Sequence[StaticNetwork], answers: Answers, metric: str) -> tuple[StaticNetwork, ...]:
    """Return pairs and triples of whole networks, with thresholds, that no other static network beats.

    Args:
        alone: Networks without exits.
        answers: Theirs.
        metric: The cost by which they are ordered and compared.
    """
    front = static_front(alone, metric)
    others = sorted(alone, key=lambda network: -network.accuracy)
    used = sorted(
        list(dict.fromkeys([*front, *others]))[:MOST_NETWORKS], key=lambda network: network.costs[metric]
    )
    members = [member for member in (_member(network, answers) for network in used) if member is not None]
    chains = [chain for size in STEPS for chain in combinations(members, size)]
    points = [point for chain in chains for point in _points(chain, metric)]
    return tuple(network for network in static_front([*alone, *points], metric) if network in points)


def _member(network: StaticNetwork, answers: Answers) -> _Member | None:
    """Return a network with its answers; None: they are not kept."""
    splits = [answers.samples(network.evaluations[0], split) for split in SPLITS]
    samples = [split for split in splits if split is not None]
    try:
        scores = tuple(split.logits.score(SCORE, -1) for split in samples)
    except DataError:
        return None
    if not scores:
        return None
    said = answers.probabilities(network.evaluations[0])
    fits = said is not None and [len(part) for part in said] == [len(split) for split in samples]
    return _Member(network, tuple(samples), scores, said if fits else None)


def _points(chain: Sequence[_Member], metric: str) -> Iterator[StaticNetwork]:
    """Yield a cascade with each thresholds that calibrate finds worth it."""
    reach = np.cumsum([member.network.costs[metric] for member in chain])
    calibrate, select = (_side_by_side(chain, split) for split in range(2))
    thresholds = _thresholds(calibrate[0])
    fitted = apply_thresholds(thresholds, *calibrate, reach)
    kept = thresholds[non_dominated(np.column_stack([fitted.cost, -fitted.accuracy]))]
    outcomes = apply_thresholds(kept, *select, reach)
    networks = [member.network for member in chain]
    rows = np.arange(len(select[0]))
    for vector, outcome in zip(kept, outcomes, strict=True):
        right: NDArray[np.bool_] = select[1][rows, exit_index(vector, select[0])]
        yield StaticNetwork(
            Kind.CASCADE,
            tuple(network.evaluations[0] for network in networks),
            0,
            outcome.accuracy,
            _costs(networks, outcome.exit_rates),
            right,
        )


def _side_by_side(chain: Sequence[_Member], split: int) -> tuple[ScoreArray, BoolArray]:
    """Return scores and right answers of the networks of a chain as those of exits, each ``(N, E)``."""
    said = [member.probabilities[split] for member in chain if member.probabilities is not None]
    if len(said) == len(chain):
        means = [np.mean(said[: i + 1], axis=0) for i in range(len(said))]
        decide = score_named(SCORE_OF_MEAN)
        scores = np.stack([decide(mean) for mean in means], axis=1).astype(np.float32)
        labels = chain[0].samples[split].labels
        return scores, np.stack([mean.argmax(axis=1) == labels for mean in means], axis=1)
    scores = np.stack([member.scores[split] for member in chain], axis=1)
    return scores, np.stack([member.samples[split].correct[:, -1] for member in chain], axis=1)


def _thresholds(scores: ScoreArray) -> FloatArray:
    """Return vectors of thresholds at which shares of all images would go on, ``(P, E - 1)``."""
    steps = STEPS[scores.shape[1]]
    shares = np.linspace(0, 1, steps + 2)[1:-1]
    return np.array(list(product(*np.quantile(scores[:, :-1].astype(float), shares, axis=0).T)))


def _costs(networks: Sequence[StaticNetwork], rates: FloatArray) -> dict[str, float]:
    """Return the mean cost of an image in every quantity that all networks know."""
    names = [name for name in networks[0].costs if all(name in network.costs for network in networks)]
    reach = {name: np.cumsum([network.costs[name] for network in networks]) for name in names}
    return {name: float(rates @ costs) for name, costs in reach.items()}
