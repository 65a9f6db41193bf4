"""Rungs of successive halving: where they are, who pays for them, and what a leg of training does."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_evaluations import architecture, config, evaluate, splits

from aebnas.config.schema import SearchFile
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Artefacts, Outcome
from aebnas.evaluation.rungs import Ladder, Leg, ladder_of, make_ladder

HALVING = {"mode": "successive_halving"}


def halving(epochs: int = 4, **options: Any) -> SearchFile:
    return config(evaluation=HALVING | options, training={"epochs": epochs})


def artefacts(outcome: Outcome) -> Artefacts:
    assert outcome.artefacts is not None, outcome.evaluation.status_text
    return outcome.artefacts


@cache
def first_rung() -> Outcome:
    return Evaluator(halving(), splits()).evaluate(architecture(), Leg(0, 1))


@cache
def second_rung() -> Outcome:
    return Evaluator(halving(), splits()).evaluate(architecture(), Leg(1, 4, artefacts(first_rung()).weights))


# ---------------------------------------------------------------- the ladder
@pytest.mark.parametrize(
    ("min_epochs", "epochs", "eta", "rungs"),
    [
        (1, 9, 3, (1, 3, 9)),
        (1, 8, 3, (1, 3, 8)),
        (1, 10, 3, (1, 3, 10)),
        (2, 5, 3, (2, 5)),
        (1, 2, 3, (1, 2)),
        (1, 81, 3, (1, 3, 9, 27, 81)),
        (1, 8, 2, (1, 2, 4, 8)),
        (5, 6, 100, (5, 6)),
    ],
)
def test_rungs_lie_about_eta_times_apart(
    min_epochs: int, epochs: int, eta: int, rungs: tuple[int, ...]
) -> None:
    assert make_ladder(min_epochs, epochs, eta) == Ladder(rungs, eta)


@given(st.integers(1, 500), st.integers(1, 2000), st.integers(2, 12))
def test_a_ladder_begins_and_ends_where_it_is_told_to(min_epochs: int, more: int, eta: int) -> None:
    rungs = make_ladder(min_epochs, min_epochs + more, eta).rungs
    assert (rungs[0], rungs[-1]) == (min_epochs, min_epochs + more)
    assert all(low < high for low, high in pairwise(rungs))


def test_the_ladder_of_other_modes_is_none() -> None:
    assert ladder_of(config()) is None
    assert ladder_of(halving(9)) == Ladder((1, 3, 9), 3)


@pytest.mark.parametrize(("done", "going"), [(24, 8), (8, 3), (3, 1), (1, 1), (0, 0), (4, 2)])
def test_one_in_eta_goes_on_rounded_up(done: int, going: int) -> None:
    assert Ladder((1, 3, 9), 3).going_on(done) == going


def test_the_epochs_of_a_batch_are_those_of_its_legs() -> None:
    assert Ladder((1, 3, 9), 3).epochs(24) == 24 * 1 + 8 * 2 + 3 * 6


@given(st.integers(1, 100), st.integers(0, 2000))
def test_the_largest_batch_that_fits_is_afforded(candidates: int, epochs: int) -> None:
    ladder = Ladder((1, 3, 9), 3)
    found = ladder.affordable(candidates, epochs)
    assert 0 <= found <= candidates
    assert found == 0 or ladder.epochs(found) <= epochs
    assert found == candidates or ladder.epochs(found + 1) > epochs


# ---------------------------------------------------------------- legs of a training
def test_the_first_leg_is_a_training_from_scratch_of_as_many_epochs() -> None:
    short = evaluate(config(training={"epochs": 1}))
    np.testing.assert_array_equal(artefacts(first_rung()).select_logits, artefacts(short).select_logits)


def test_a_leg_goes_on_from_the_weights_of_the_one_before() -> None:
    before, after = first_rung().evaluation, second_rung().evaluation
    assert before.train_loss is not None
    assert after.train_loss is not None
    assert after.train_loss < 0.7 * before.train_loss
    afresh = Evaluator(halving(), splits()).evaluate(architecture(), Leg(1, 4))
    assert np.abs(artefacts(afresh).select_logits - artefacts(second_rung()).select_logits).max() > 0.1


def test_a_leg_does_not_depend_on_who_trains_it() -> None:
    used = Evaluator(halving(), splits())
    used.evaluate(architecture("stage2", kernel=1), Leg(0, 1))
    again = used.evaluate(architecture(), Leg(1, 4, artefacts(first_rung()).weights))
    np.testing.assert_array_equal(artefacts(again).select_logits, artefacts(second_rung()).select_logits)


def test_an_evaluation_says_its_epochs() -> None:
    assert first_rung().evaluation.epochs == 1
    assert second_rung().evaluation.epochs == 4
    assert evaluate(config(training={"epochs": 2})).evaluation.epochs == 2


def test_a_leg_that_diverges_is_a_failure_with_its_reason() -> None:
    wild = config(evaluation=HALVING, training={"epochs": 4, "learning_rate": 100.0, "clip_norm": None})
    outcome = Evaluator(wild, splits()).evaluate(architecture(), Leg(1, 4, artefacts(first_rung()).weights))
    assert outcome.evaluation.status_text.startswith("failed: ")
    assert outcome.evaluation.epochs == 4
    assert outcome.artefacts is None


def test_weights_of_another_architecture_are_a_failure_with_its_reason() -> None:
    other = architecture("stage2", kernel=1)
    outcome = Evaluator(halving(), splits()).evaluate(other, Leg(1, 4, artefacts(first_rung()).weights))
    assert "Error(s) in loading state_dict" in outcome.evaluation.status_text


def test_the_limit_of_training_macs_counts_the_whole_training() -> None:
    work = float(first_rung().evaluation.reach_macs[-1]) * len(splits().train)
    limited = Evaluator(halving(max_training_macs=2 * work), splits()).evaluate(architecture(), Leg(0, 1))
    assert limited.evaluation.status_text.startswith("failed: too large")


# ---------------------------------------------------------------- identity
def test_rungs_are_part_of_the_identity() -> None:
    keys = [halving(), halving(min_epochs=2), halving(eta=2), config(training={"epochs": 4})]
    assert len({context_key(one, "data") for one in keys}) == 4


def test_options_of_halving_leave_no_trace_in_other_modes() -> None:
    loose = config().model_copy(
        update={"evaluation": config().evaluation.model_copy(update={"eta": 5, "min_epochs": 2})}
    )
    assert context_key(loose, "data") == context_key(config(), "data")
