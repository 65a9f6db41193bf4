"""Plans of fidelities: who gets how far, who pays for it, and what a step of training does."""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_evaluations import architecture, config, evaluate, splits

from aebnas.config.schema import SearchFile
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.plan import Plan, Step, longest_training, plan_of
from aebnas.evaluation.record import Artefacts, Outcome
from aebnas.evaluation.settings import candidate_settings

NINTH = [{"trained": 1}, {"trained": 3, "keep": "1/3"}, {"trained": 9, "keep": "1/3"}]


def planned(*items: Any, **limits: Any) -> SearchFile:
    """Return the settings of a plan."""
    return config(evaluation={"fidelities": list(items), **limits})


def halving(epochs: int = 4, **limits: Any) -> SearchFile:
    """Return settings in which every candidate gets 1 epoch, and a third of them more."""
    return planned({"trained": 1}, {"trained": epochs, "keep": "1/3"}, **limits)


def artefacts(outcome: Outcome) -> Artefacts:
    assert outcome.artefacts is not None, outcome.evaluation.status_text
    return outcome.artefacts


@cache
def first_step() -> Outcome:
    return Evaluator(candidate_settings(halving()), splits()).evaluate(architecture(), Step(0))


@cache
def second_step() -> Outcome:
    weights = artefacts(first_step()).weights
    return Evaluator(candidate_settings(halving()), splits()).evaluate(architecture(), Step(1, weights))


# ---------------------------------------------------------------- the plan
def test_results_are_filed_under_all_that_a_candidate_went_through() -> None:
    inherited = planned("inherited", {"trained": 3, "keep": "1/3"}, {"trained": 9, "keep": 5})
    assert [one.name for one in plan_of(config()).fidelities] == ["trained1"]
    assert [one.name for one in plan_of(inherited).fidelities] == [
        "inherited",
        "inherited-trained3",
        "inherited-trained3-trained9",
    ]
    assert [(one.before, one.epochs) for one in plan_of(inherited).fidelities] == [(0, 0), (0, 3), (3, 9)]


def test_shares_belong_to_generations_and_numbers_to_the_end() -> None:
    plan = plan_of(planned("inherited", {"trained": 3, "keep": 0.5}, {"trained": 9, "keep": 5}))
    assert [one.level for one in plan.of_generations] == [0, 1]
    assert [one.level for one in plan.finals] == [2]
    assert (plan.final_trainings, plan.full_epochs) == (5, 3)
    settings = planned("inherited", {"trained": 3, "keep": 0.5}, {"trained": 9, "keep": 5})
    assert longest_training(plan_of(settings), settings.training).epochs == 9
    assert [plan.work_epochs(level) for level in range(3)] == [3, 3, 9]


@pytest.mark.parametrize("share", ["1/3", 0.333333, Fraction(1, 3)])
@pytest.mark.parametrize(("done", "going"), [(24, 8), (8, 3), (3, 1), (1, 1), (0, 0), (4, 2)])
def test_a_share_goes_on_rounded_up(done: int, going: int, share: Any) -> None:
    plan = plan_of(planned({"trained": 1}, {"trained": 3, "keep": share}))
    assert plan.going_on(1, done) == going


def ninth() -> Plan:
    return plan_of(planned(*NINTH))


def test_the_epochs_of_a_generation_are_those_of_its_steps() -> None:
    assert ninth().cost_of_batch(24) == 24 * 1 + 8 * 2 + 3 * 6
    assert [ninth().cost(level) for level in range(3)] == [1, 3, 9]


@given(st.integers(1, 100), st.integers(0, 2000))
def test_the_largest_generation_that_fits_is_afforded(candidates: int, epochs: int) -> None:
    plan = ninth()
    found = plan.affordable(candidates, epochs)
    assert 0 <= found <= candidates
    assert found == 0 or plan.cost_of_batch(found) <= epochs
    assert found == candidates or plan.cost_of_batch(found + 1) > epochs


# ---------------------------------------------------------------- steps of a training
def test_the_first_fidelity_step_is_a_training_from_scratch_of_as_many_epochs() -> None:
    short = evaluate(config(training={"epochs": 1}))
    np.testing.assert_array_equal(artefacts(first_step()).select_logits, artefacts(short).select_logits)


def test_a_fidelity_step_goes_on_from_the_weights_of_the_one_before() -> None:
    before, after = first_step().evaluation, second_step().evaluation
    assert before.train_loss is not None
    assert after.train_loss is not None
    assert after.train_loss < 0.7 * before.train_loss
    afresh = Evaluator(candidate_settings(halving()), splits()).evaluate(architecture(), Step(1))
    assert np.abs(artefacts(afresh).select_logits - artefacts(second_step()).select_logits).max() > 0.1


def test_a_fidelity_step_does_not_depend_on_who_trains_it() -> None:
    used = Evaluator(candidate_settings(halving()), splits())
    used.evaluate(architecture("stage2", kernel=1), Step(0))
    again = used.evaluate(architecture(), Step(1, artefacts(first_step()).weights))
    np.testing.assert_array_equal(artefacts(again).select_logits, artefacts(second_step()).select_logits)


def test_an_evaluation_says_its_epochs() -> None:
    assert first_step().evaluation.epochs == 1
    assert second_step().evaluation.epochs == 4
    assert evaluate(config(training={"epochs": 2})).evaluation.epochs == 2


def test_a_fidelity_step_that_diverges_is_a_failure_with_its_reason() -> None:
    wild = config(
        evaluation={"fidelities": [{"trained": 1}, {"trained": 4, "keep": "1/3"}]},
        training={"learning_rate": 100.0, "clip_norm": None},
    )
    outcome = Evaluator(candidate_settings(wild), splits()).evaluate(
        architecture(), Step(1, artefacts(first_step()).weights)
    )
    assert outcome.evaluation.status_text.startswith("failed: ")
    assert outcome.evaluation.epochs == 4
    assert outcome.artefacts is None


def test_weights_of_another_architecture_are_a_failure_with_its_reason() -> None:
    other = architecture("stage2", kernel=1)
    outcome = Evaluator(candidate_settings(halving()), splits()).evaluate(
        other, Step(1, artefacts(first_step()).weights)
    )
    assert "Error(s) in loading state_dict" in outcome.evaluation.status_text


def test_the_limit_of_training_macs_counts_the_whole_training() -> None:
    work = float(first_step().evaluation.reach_macs[-1]) * len(splits().train)
    limited = Evaluator(candidate_settings(halving(max_training_macs=2 * work)), splits()).evaluate(
        architecture(), Step(0)
    )
    assert limited.evaluation.status_text.startswith("failed: too large")


# ---------------------------------------------------------------- identity
def test_what_generations_go_through_is_part_of_the_identity() -> None:
    plans = [["trained"], ["inherited"], NINTH, NINTH[:2], [NINTH[0], NINTH[1] | {"keep": "1/2"}]]
    assert len({context_key(candidate_settings(planned(*items)), "data") for items in plans}) == len(plans)


@pytest.mark.parametrize("first", ["trained", "inherited"])
def test_how_many_are_trained_in_the_end_is_no_part_of_it(first: str) -> None:
    finals = [[], [{"trained": 9, "keep": 3}], [{"trained": 9, "keep": 5}, {"trained": 27, "keep": 2}]]
    assert len({context_key(candidate_settings(planned(first, *items)), "data") for items in finals}) == 1


def test_epochs_written_out_are_the_same_identity_as_their_default() -> None:
    assert context_key(candidate_settings(planned({"trained": 1})), "data") == context_key(
        candidate_settings(config()), "data"
    )
