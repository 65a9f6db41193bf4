"""Candidates whose exits are fitted on logits: curves, targets, identity, rescoring."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_evaluations import config, done, evaluate, splits

from aebnas.errors import RunError
from aebnas.evaluation import rescoring
from aebnas.evaluation.curves import Fitted, fitted_curve
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Artefacts, Evaluation
from aebnas.evaluation.rescoring import rescored, rescored_config
from aebnas.evaluation.settings import candidate_settings, exit_settings, goals_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.families import FAMILIES
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.runs.fronts.individuals import individual
from aebnas.task.metrics.table import metrics_of_answers

REACH = (1.0, 2.0, 4.0)


def fitted(**exits: Any) -> Fitted:
    """Fit to the logits of the one network that these tests train."""
    artefacts = done().artefacts
    assert artefacts is not None
    return fitted_curve(exit_settings(config(exits=exits)), *both_samples(artefacts, REACH))


def both_samples(artefacts: Artefacts, reach: tuple[float, ...]) -> tuple[ExitSamples, ExitSamples]:
    return (
        ExitSamples.of(artefacts.calibrate_logits, splits().calibrate.labels, reach),
        ExitSamples.of(artefacts.select_logits, splits().select.labels, reach),
    )


def test_a_target_makes_one_point() -> None:
    found = fitted(policy="pcee", accuracy=0.3)
    assert len(found.curve.select_cost) == 1
    assert found.target_check is not None
    assert found.target_check["is_met"]
    assert found.target_check["violation"] == 0


def test_a_budget_is_kept_on_calibrate() -> None:
    assert fitted(policy="confidence", macs=2.0).curve.calibrate_cost[0] <= 2.0 * (1 + 1e-9)


def test_a_latency_budget_counts_milliseconds_of_its_device() -> None:
    artefacts = done().artefacts
    assert artefacts is not None
    settings = config(exits={"policy": "eero", "latency_ms": 0.5}, hardware=("board.yaml",))
    found = fitted_curve(exit_settings(settings), *both_samples(artefacts, (0.2, 0.4, 0.9)))
    assert found.curve.reach_cost.tolist() == [0.2, 0.4, 0.9]
    assert found.curve.calibrate_cost[0] <= 0.5 * (1 + 1e-9)
    assert found.target_check is not None
    assert "mean cost <= 0.5 ms" in found.target_check["text"]


def test_an_unmet_target_is_told_with_what_can_be_met() -> None:
    found = fitted(policy="confidence", accuracy=1.0)
    assert found.target_check is not None
    assert not found.target_check["is_met"]
    assert found.target_check["violation"] == pytest.approx(1.0 - found.target_check["best"])
    assert "missed by" in found.target_check["text"]


def test_a_guarantee_is_never_a_violation() -> None:
    found = fitted(policy="confidence", guarantee={"max_harm": 0.001})
    assert found.target_check is not None
    assert found.target_check["violation"] == 0
    assert found.curve.exit_rates[0].tolist() == [0, 0, 1]
    assert found.target_check["notes"], "too few images to clear any early answer"


def test_an_evaluator_fits_the_policy_of_the_file() -> None:
    evaluation = evaluate(config(exits={"policy": "eero", "macs": 1.0})).evaluation
    assert evaluation.status_text == "done"
    assert evaluation.target_check is not None
    assert evaluation.target_check["shortfall"] == pytest.approx(evaluation.reach_macs[0] - 1.0)
    back = Evaluation.from_dict(json.loads(json.dumps(evaluation.to_dict())))
    assert back.to_dict() == evaluation.to_dict()


def test_the_weights_do_not_depend_on_the_policy() -> None:
    other = evaluate(config(exits={"policy": "patience"})).artefacts
    plain = done().artefacts
    assert plain is not None
    assert other is not None
    np.testing.assert_array_equal(other.calibrate_logits, plain.calibrate_logits)


def test_an_unmet_target_makes_an_individual_infeasible() -> None:
    settings = config(exits={"policy": "eero", "macs": 1.0})
    one = individual((), 1.0, evaluate(settings).evaluation, goals_of(settings))
    assert not one.is_feasible
    assert one.violations[-1] > 0


@pytest.mark.parametrize(
    "exits",
    [
        {"policy": "pcee"},
        {"policy": {"name": "pcee", "bins": 5}},
        {"accuracy": 0.9},
        {"guarantee": {"max_harm": 0.1}},
    ],
)
def test_policy_option_and_target_are_part_of_the_identity(exits: dict[str, Any]) -> None:
    assert context_key(candidate_settings(config(exits=exits)), "f") != context_key(
        candidate_settings(config()), "f"
    )


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ({"policy": "jei"}, "policy jei are"),
        ({"policy": {"choices": ["confidence", "eenet", "jei"]}}, "policy eenet, jei are"),
    ],
)
def test_rescoring_says_which_policies_need_logits(exits: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=f"{message}.*logits .*scores: confidence, entropy, margin, patience"):
        rescored_config(config(exits=exits), ["a.yaml"], None)


def test_rescoring_says_which_metrics_need_logits_before_anything_is_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logits = replace(metrics_of_answers(["balanced_accuracy"])["balanced_accuracy"], needs_logits=True)
    monkeypatch.setattr(rescoring, "metrics_of_answers", lambda names: dict.fromkeys(names, logits))
    settings = config(constraints={"balanced_accuracy": {"min": 0.2}})
    with pytest.raises(RunError, match=r"balanced_accuracy: measured on the logits .* other objectives"):
        rescored_config(settings, ["a.yaml"], None)


@pytest.mark.parametrize("exits", [{"policy": "pcee"}, {"accuracy": 0.3}, {"policy": "eero", "macs": 2.0}])
def test_what_looks_at_scores_alone_is_rescored_with_its_target(exits: dict[str, Any]) -> None:
    outcome = evaluate(config(exits=exits))
    artefacts, settings = outcome.artefacts, config(exits=exits)
    assert artefacts is not None
    labels = (splits().calibrate.labels, splits().select.labels)
    records = (artefacts.calibrate, artefacts.select)
    stored, data = [outcome.evaluation], (1, 10)
    (anew,) = rescored(
        exit_settings(settings), stored, lambda key, fidelity: records, labels, DeviceCosts(), data
    )
    assert anew.to_dict() == outcome.evaluation.to_dict()


def test_every_policy_evaluates_a_trained_network() -> None:
    for name in FAMILIES:
        assert len(fitted(policy=name).curve), name
