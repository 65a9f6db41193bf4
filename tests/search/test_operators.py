"""Integer operators: every choice can be reached, nothing is rounded."""

import numpy as np
import pytest

from aebnas.search.proposers.operators import exchange, random_reset

CARDINALITIES = np.array([2, 3, 5, 3])


def test_mutation_changes_at_least_one_gene_of_every_child() -> None:
    genomes = np.zeros((500, 4), np.int64)
    children = random_reset(genomes, CARDINALITIES, 0.01, np.random.default_rng(0))
    assert (children != genomes).any(axis=1).all()


def test_a_mutated_gene_takes_each_other_choice_equally_often() -> None:
    genomes = np.full((30_000, 4), 1)
    children = random_reset(genomes, CARDINALITIES, 1.0, np.random.default_rng(0))
    counts = np.bincount(children[:, 2], minlength=5)
    assert counts[1] == 0
    assert counts[[0, 2, 3, 4]] == pytest.approx(7_500, rel=0.05)


def test_mutation_stays_within_the_choices() -> None:
    rng = np.random.default_rng(1)
    genomes = rng.integers(0, CARDINALITIES, size=(1000, 4))
    children = random_reset(genomes, CARDINALITIES, 0.5, rng)
    assert (children >= 0).all()
    assert (children < CARDINALITIES).all()


def test_the_mutation_rate_is_the_share_of_changed_genes() -> None:
    genomes = np.zeros((20_000, 4), np.int64)
    children = random_reset(genomes, CARDINALITIES, 0.4, np.random.default_rng(2))
    # a child in which nothing was drawn (0.6^4) changes one gene all the same
    assert (children != genomes).mean() == pytest.approx(0.4 + 0.6**4 / 4, abs=0.01)


@pytest.mark.parametrize("mode", ["uniform", "stagewise", "mixed"])
def test_crossover_only_moves_genes_between_the_two_parents(mode: str) -> None:
    rng = np.random.default_rng(3)
    parents = rng.integers(0, 9, size=(2, 200, 6))
    children = exchange(parents, np.array([0, 0, 1, 1, 1, 2]), mode, rng)
    assert np.array_equal(np.sort(parents, axis=0), np.sort(children, axis=0))
    assert not np.array_equal(parents, children)


def test_stagewise_crossover_keeps_groups_together() -> None:
    parents = np.stack([np.zeros((300, 6), np.int64), np.ones((300, 6), np.int64)])
    first = exchange(parents, np.array([0, 0, 1, 1, 1, 2]), "stagewise", np.random.default_rng(4))[0]
    assert (first[:, 0] == first[:, 1]).all()
    assert (first[:, 2] == first[:, 3]).all()
    assert (first[:, 3] == first[:, 4]).all()
    assert (first[:, 1] != first[:, 2]).any()


def test_uniform_crossover_splits_groups() -> None:
    parents = np.stack([np.zeros((300, 6), np.int64), np.ones((300, 6), np.int64)])
    first = exchange(parents, np.zeros(6, np.int64), "uniform", np.random.default_rng(5))[0]
    assert 0.45 < first.mean() < 0.55
    assert (first.std(axis=1) > 0).any()
