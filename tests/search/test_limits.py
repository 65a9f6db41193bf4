"""Constraints that costs alone decide bound what is proposed."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.fakes import fake_config, fake_outcome, fake_problem

from aebnas.evaluation.settings import goals_of
from aebnas.runs.fronts.individuals import individual, with_free_points
from aebnas.search.proposers.draws import draw_distinct
from aebnas.search.proposers.exact import ExactCosts
from aebnas.search.proposers.limits import cost_violation_of
from aebnas.search.start import make_proposer
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.task.task import classification

SPACE = StagedSpace(fake_config().space, 8, fake_config().search.budget_fractions)
EXACT = ExactCosts(classification(1, 10))
SAMPLES = [SPACE.decode(SPACE.sample(np.random.default_rng(seed))) for seed in range(60)]


def full_macs(architecture: StagedArchitecture) -> float:
    return float(EXACT.of(architecture).network.reach_macs[-1])


LOW, HIGH = (float(value) for value in np.quantile([full_macs(one) for one in SAMPLES], [0.3, 0.6]))
LIMITED = fake_config(f"constraints.worst_macs.min={LOW}", f"constraints.worst_macs.max={HIGH}")


def test_without_limits_on_costs_there_is_no_cost_violation() -> None:
    assert cost_violation_of(goals_of(fake_config("constraints={}")), EXACT) is None
    assert cost_violation_of(goals_of(fake_config("constraints={accuracy: {min: 0.2}}")), EXACT) is None


def test_a_cost_violation_is_the_sum_of_shares_of_the_limits() -> None:
    config = fake_config("constraints={worst_macs: {max: 10}, params: {min: 1e9}, accuracy: {min: 1}}")
    cost_violation = cost_violation_of(goals_of(config), EXACT)
    assert cost_violation is not None
    for one in SAMPLES[:5]:
        params = EXACT.of(one).network.params
        assert cost_violation(one) == pytest.approx((full_macs(one) - 10) / 10 + (1e9 - params) / 1e9)


@given(st.sampled_from(SAMPLES), st.floats(0.1, 3), st.floats(0.1, 3))
def test_expected_macs_are_beyond_a_limit_where_no_exit_is_within(
    one: StagedArchitecture, low: float, high: float
) -> None:
    reach = EXACT.of(one).reach["macs"]
    low, high = sorted((low * reach[-1], high * reach[-1]))
    cost_violation = cost_violation_of(
        goals_of(fake_config(f"constraints.macs.min={low}", f"constraints.macs.max={high}")), EXACT
    )
    assert cost_violation is not None
    assert (cost_violation(one) == 0) == (reach[0] <= high and low <= reach[-1])


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_nothing_beyond_the_limits_is_proposed(algorithm: str) -> None:
    config = LIMITED.model_copy(update={"search": LIMITED.search.model_copy(update={"algorithm": algorithm})})
    proposer = make_proposer(fake_problem(config))
    proposed = []
    for _ in range(6):
        asked = proposer.ask()
        architectures = [SPACE.decode(genome) for genome in asked]
        proposed += [full_macs(one) for one in architectures]
        proposer.tell(
            [
                individual(
                    genome, SPACE.budget_fraction(genome), fake_outcome(one).evaluation, goals_of(config)
                )
                for genome, one in zip(asked, architectures, strict=True)
            ]
        )
    assert len(proposed) == 36
    assert min(proposed) >= LOW
    assert max(proposed) <= HIGH


def test_where_nothing_is_within_the_limits_the_nearest_are_drawn() -> None:
    config = fake_config("constraints.worst_macs.max=1")
    cost_violation = cost_violation_of(goals_of(config), EXACT)
    drawn = draw_distinct(SPACE, 6, np.random.default_rng(0), set(), cost_violation=cost_violation)
    freely = draw_distinct(SPACE, 200, np.random.default_rng(0), set())
    macs = [full_macs(SPACE.decode(genome)) for genome in drawn]
    assert len(drawn) == 6
    assert macs == sorted(macs)
    assert max(macs) <= np.quantile([full_macs(SPACE.decode(genome)) for genome in freely], 0.05)


def test_a_search_goes_on_where_nothing_is_within_the_limits() -> None:
    config = fake_config("constraints.worst_macs.max=1")
    proposer = make_proposer(fake_problem(config))
    for _ in range(4):
        asked = proposer.ask()
        assert len(asked) == 6
        outcomes = [(genome, fake_outcome(SPACE.decode(genome)).evaluation) for genome in asked]
        proposer.tell([individual(g, SPACE.budget_fraction(g), one, goals_of(config)) for g, one in outcomes])


def test_early_rejection_and_limits_that_nothing_meets_go_together() -> None:
    rng = np.random.default_rng(3)
    found = draw_distinct(
        SPACE,
        20,
        np.random.default_rng(0),
        set(),
        admit=lambda _: rng.random() < 0.3,
        cost_violation=lambda _: 1.0,
    )
    assert len(found) == 20


def test_a_surrogate_search_proposes_nothing_beyond_the_limits_while_nothing_is_feasible() -> None:
    config = fake_config(
        f"constraints={{worst_macs: {{min: {LOW}, max: {HIGH}}}, accuracy: {{min: 0.999}}}}",
        "search.surrogate=ridge",
    )
    proposer = make_proposer(fake_problem(config))
    proposed = []
    for _ in range(5):
        asked = proposer.ask()
        evaluations = [fake_outcome(SPACE.decode(genome)).evaluation for genome in asked]
        proposed += [one.reach_macs[-1] for one in evaluations]
        proposer.tell(with_free_points(SPACE, asked, {one.key: one for one in evaluations}, goals_of(config)))
    assert len(proposed) == 30
    assert min(proposed) >= LOW
    assert max(proposed) <= HIGH


def test_proposers_need_no_torch() -> None:
    code = (
        "import sys, aebnas.search.proposers.api, aebnas.runs.fronts.individuals, aebnas.runs.contents\n"
        "print(sorted({'torch', 'thop'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
