"""NSGA-II: what survives, what is proposed."""

from collections import Counter

import numpy as np
import pytest
from search.fakes import fake_config

from aebnas.evaluation.plan import plan_of
from aebnas.runs.fronts.individuals import Individual
from aebnas.search.proposers.api import RandomProposer
from aebnas.search.proposers.draws import draw_distinct
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.search.start import planned_candidates
from aebnas.space.genes import Genome
from aebnas.space.search_space import StagedSpace

CONFIG = fake_config()
PLAN = plan_of(CONFIG)
SPACE = StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)


def individual(genome: Genome, violation: float = -1.0) -> Individual:
    """Return an individual whose objectives follow from its genome."""
    share = sum(genome) / sum(n - 1 for n in SPACE.cardinalities)
    key = SPACE.decode(genome).key()
    return Individual(genome, key, SPACE.budget_fraction(genome), (1 - share, share**2), (violation,))


def proposer(seed: int = 0, **search: object) -> Nsga2Proposer:
    config = CONFIG.search.model_copy(update={"seed": seed, **search})
    return Nsga2Proposer(SPACE, config, objectives=2, constraints=1)


def survivors(one: Nsga2Proposer) -> list[Genome]:
    return [tuple(int(g) for g in x) for x in one._algorithm.pop.get("X")]


def test_no_architecture_is_proposed_twice() -> None:
    one = proposer()
    keys: list[str] = []
    for _ in range(8):
        genomes = one.ask()
        keys += [SPACE.decode(genome).key() for genome in genomes]
        one.tell([individual(genome) for genome in genomes])
    assert len(keys) == 48
    assert len(set(keys)) == len(keys)


def test_the_first_generation_keeps_no_more_than_the_population() -> None:
    one = proposer()
    asked = one.ask()
    more = draw_distinct(SPACE, 30, np.random.default_rng(9), set())
    one.tell([individual(genome) for genome in [*asked, *more]])
    assert len(survivors(one)) == 6


def test_at_most_three_individuals_of_an_architecture_survive() -> None:
    one = proposer()
    asked = one.ask()
    output = [individual(SPACE.at_point(asked[0], t)) for t in SPACE.budget_fractions]
    output += [individual(genome) for genome in asked[1:]]
    one.tell(output)
    counts = Counter(SPACE.decode(genome).key() for genome in survivors(one))
    assert max(counts.values()) == 3


def test_feasible_individuals_survive_before_better_infeasible_ones() -> None:
    one = proposer()
    asked = one.ask()
    feasible = [individual(genome) for genome in asked[:3]]
    perfect = [
        Individual(genome, SPACE.decode(genome).key(), 1.0, (0.0, 0.0), (0.5,))
        for genome in draw_distinct(SPACE, 10, np.random.default_rng(9), set())
    ]
    one.tell([*perfect, *feasible])
    assert {one.genome for one in feasible} <= set(survivors(one))


def test_of_infeasible_individuals_the_least_violating_survive() -> None:
    one = proposer()
    genomes = draw_distinct(SPACE, 20, np.random.default_rng(9), set())
    one.ask()
    one.tell([individual(genome, violation=1.0 + i) for i, genome in enumerate(genomes)])
    assert set(survivors(one)) == set(genomes[:6])


def test_proposals_follow_from_the_seed() -> None:
    def history(seed: int) -> list[list[Genome]]:
        one, rounds = proposer(seed), []
        for _ in range(4):
            rounds.append(one.ask())
            one.tell([individual(genome) for genome in rounds[-1]])
        return rounds

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_nsga2_finds_better_points_than_random_search() -> None:
    def best(one: Nsga2Proposer | RandomProposer) -> float:
        found = []
        for _ in range(8):
            genomes = one.ask()
            output = [individual(genome) for genome in genomes]
            one.tell(output)
            found += [i.objectives[0] for i in output]
        return min(found)

    ours = np.mean([best(proposer(seed)) for seed in range(5)])
    theirs = np.mean([best(RandomProposer(SPACE, 6, seed)) for seed in range(5)])
    assert ours < theirs


def test_an_exhausted_space_ends_with_an_empty_proposal() -> None:
    config = fake_config(
        "space.stages.0.depth=1",
        "space.stages.0.width=8",
        "space.stages.0.block={type: conv}",
        "space.stages.1={width: 16, stride: 2}",
        "space.exits.branch={modules: [0, 1]}",
        "space.stem.width=[8, 12]",
    )
    space = StagedSpace(config.space, 8, config.search.budget_fractions)
    one = Nsga2Proposer(space, config.search, 2, 0)
    seen = 0
    for _ in range(10):
        genomes = one.ask()
        if not genomes:
            break
        seen += len(genomes)
        keys = [space.decode(genome).key() for genome in genomes]
        one.tell(
            [
                Individual(g, k, 1.0, (float(seen), -float(seen)), ())
                for g, k in zip(genomes, keys, strict=True)
            ]
        )
    assert seen == 6  # two stems times absent, linear, one module
    assert one.ask() == []


def test_random_search_draws_every_architecture_once() -> None:
    one = RandomProposer(SPACE, 50, seed=3)
    genomes = one.ask() + one.ask()
    assert len({SPACE.decode(genome).key() for genome in genomes}) == 100


def test_early_rejection_that_admits_nothing_names_the_setting() -> None:
    with pytest.raises(Exception, match="initial_max_macs"):
        draw_distinct(SPACE, 2, np.random.default_rng(0), set(), admit=lambda architecture: False)


def test_random_search_ends_quietly_where_the_space_is_used_up() -> None:
    config = fake_config(
        "space.stem.width=[8, 12]",
        "space.stages=[{width: 8}]",
        "space.exits={after: []}",
        "space.resolution=8",
    )
    one = RandomProposer(StagedSpace(config.space, 8, config.search.budget_fractions), 2, seed=1)
    assert len(one.ask()) == 2
    assert one.ask() == []


class SpaceWithBaselines(StagedSpace):
    """Three networks without exits come first."""

    def baselines(self) -> tuple[Genome, ...]:
        rng, alone = np.random.default_rng(5), dict[str, Genome]()
        while len(alone) < 3:
            architecture = self.decode(self.sample(rng)).without_exits()
            alone[architecture.key()] = self.encode(architecture)
        return tuple(alone.values())


@pytest.mark.parametrize(("population", "size"), [(6, 6), (3, 5), (2, 4)])
def test_baselines_come_first_and_half_a_population_is_drawn_beside_them(population: int, size: int) -> None:
    space = SpaceWithBaselines(CONFIG.space, 8, CONFIG.search.budget_fractions)
    config = CONFIG.search.model_copy(update={"population": population})
    evolving, drawing = Nsga2Proposer(space, config, 2, 1), RandomProposer(space, population, seed=0)
    for first in (evolving.ask(), drawing.ask()):
        assert tuple(first[:3]) == space.baselines()
        assert len(first) == len({space.decode(genome).key() for genome in first}) == size
    assert planned_candidates(config.model_copy(update={"generations": 1}), PLAN, 3) == size


def test_spaces_that_build_their_own_networks_have_no_baselines() -> None:
    assert SPACE.baselines() == ()
