"""Who goes on to the next fidelity: rank before crowding, feasible before infeasible, ties by ask order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from search.fakes import fake_config, fake_outcome

from aebnas.config import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import goals_of
from aebnas.runs.fronts.pareto import non_dominated
from aebnas.search.fidelity.promotion import crowding, keys_best_first, ranks
from aebnas.space.genes import Genome
from aebnas.space.search_space import StagedSpace


def batch(config: SearchFile, size: int = 8) -> tuple[StagedSpace, list[Genome], dict[str, Evaluation]]:
    """A space, distinct genomes of it and their evaluations."""
    space, rng = StagedSpace(config.space, 8, config.search.budget_fractions), np.random.default_rng(3)
    genomes = {space.decode(one).key(): one for one in (space.sample(rng) for _ in range(size))}
    found = {key: fake_outcome(space.decode(one)).evaluation for key, one in genomes.items()}
    return space, list(genomes.values()), found


def order(*overrides: str) -> tuple[list[str], dict[str, Evaluation]]:
    config = fake_config(*overrides)
    space, asked, found = batch(config)
    return keys_best_first(space, asked, found, goals_of(config)), found


def test_fronts_are_peeled_off_one_by_one() -> None:
    points = np.array([[1, 4], [2, 2], [4, 1], [2, 5], [3, 3], [5, 5]], float)
    assert ranks(points).tolist() == [0, 0, 0, 1, 1, 2]


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(2, 3)), elements=st.integers(0, 4).map(float)))
def test_only_points_of_earlier_fronts_dominate_a_point(points: Any) -> None:
    rank = ranks(points)
    for i, one in enumerate(points):
        dominating = (points <= one).all(axis=1) & (points < one).any(axis=1)
        assert (rank[dominating] < rank[i]).all()
    assert ((rank == 0) == non_dominated(points)).all()


def test_crowding_is_the_scaled_gap_between_neighbours() -> None:
    distance = crowding(np.array([[0.0, 10.0], [1.0, 5.0], [4.0, 0.0]]))
    assert distance.tolist() == [np.inf, 4 / 4 + 10 / 10, np.inf]


def test_a_front_of_equal_points_has_no_gaps() -> None:
    assert crowding(np.ones((3, 2))).tolist() == [np.inf, 0.0, np.inf]


def test_every_finished_candidate_has_a_place() -> None:
    found, evaluations = order()
    assert sorted(found) == sorted(evaluations)


def test_the_best_are_on_the_front_of_their_batch() -> None:
    found, evaluations = order()
    config = fake_config()
    points = [
        (key, [one.metrics(at)[name] for name in ("error", "macs")])
        for key, one in evaluations.items()
        for at in config.search.budget_fractions
    ]
    on_front = {points[i][0] for i in np.flatnonzero(non_dominated([values for _, values in points]))}
    assert set(found[: len(on_front)]) == on_front


def test_a_candidate_beyond_a_limit_of_cost_goes_last() -> None:
    free, evaluations = order()
    sizes = {key: one.params for key, one in evaluations.items()}
    limit = sorted(sizes.values())[3]
    bound, _ = order(f"constraints={{params: {{max: {limit}}}}}")
    fits = {key for key, size in sizes.items() if size <= limit}
    assert set(bound[: len(fits)]) == fits
    assert [sizes[key] for key in bound[len(fits) :]] == sorted(
        size for size in sizes.values() if size > limit
    ), "the least beyond it first"
    assert bound != free


@pytest.mark.parametrize("limit", ["constraints={accuracy: {min: 0.99}}", "constraints={error: {max: 0.01}}"])
def test_limits_on_accuracy_wait_for_the_last_fidelity(limit: str) -> None:
    assert order(limit)[0] == order()[0]


def test_failed_candidates_have_no_place() -> None:
    config = fake_config()
    space, asked, found = batch(config)
    gone = next(iter(found))
    rest = {key: one for key, one in found.items() if key != gone}
    assert gone not in keys_best_first(space, asked, rest, goals_of(config))
    assert keys_best_first(space, asked, {}, goals_of(config)) == []
