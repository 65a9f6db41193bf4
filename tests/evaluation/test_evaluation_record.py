"""Evaluations as values: to JSON and back, points of their curve, identity of their context."""

import json
from typing import Any

import pytest
from small_evaluations import config, done, evaluate

from aebnas.errors import RunError
from aebnas.evaluation.identity import context_key, training_seed
from aebnas.evaluation.record import Evaluation, Status
from aebnas.evaluation.settings import candidate_settings


# ---------------------------------------------------------------- JSON
def test_an_evaluation_survives_json() -> None:
    plain = done().evaluation.to_dict()
    back = Evaluation.from_dict(json.loads(json.dumps(plain)))
    assert back.to_dict() == plain
    assert back.architecture == done().evaluation.architecture
    assert back.key == done().evaluation.key
    assert isinstance(back.reach_macs, tuple)


def test_a_failed_evaluation_survives_json() -> None:
    failed = evaluate(config(evaluation={"max_training_macs": 1})).evaluation
    back = Evaluation.from_dict(json.loads(json.dumps(failed.to_dict())))
    assert back == failed
    assert back.status_text.startswith("failed: too large")


@pytest.mark.parametrize(
    ("status", "is_machines"),
    [
        (Status.DONE, False),
        (Status.OUT_OF_MEMORY, True),
        (Status.WORKER_DIED, True),
        (Status.TOO_SLOW, True),
        (Status.BROKEN_DEVICE, True),
        (Status.FAILED, False),
    ],
)
@pytest.mark.parametrize("message", ["", "out of memory", "done", "its worker died"])
def test_what_kind_of_failure_it_was_does_not_depend_on_how_it_is_worded(
    status: Status, is_machines: bool, message: str
) -> None:
    failed = done().evaluation.failed(message, status)
    back = Evaluation.from_dict(json.loads(json.dumps(failed.to_dict())))
    assert (back.status, back.message, back.is_machine_failure) == (status, message, is_machines)
    assert back.is_done is (status is Status.DONE)


# ---------------------------------------------------------------- points
@pytest.mark.parametrize("budget_fraction", [0.1, 0.5, 0.8, 1.0])
def test_a_point_is_the_best_within_its_share_of_the_full_cost(budget_fraction: float) -> None:
    evaluation = done().evaluation
    curve = evaluation.curve
    assert curve is not None
    i = evaluation.point_index(budget_fraction)
    budget = budget_fraction * evaluation.reach_macs[-1]
    affordable = [j for j, cost in enumerate(curve.calibrate_cost) if cost <= budget * (1 + 1e-9)]
    assert i == (affordable[-1] if affordable else 0)


def test_metrics_are_those_of_the_point_on_select() -> None:
    evaluation = done().evaluation
    curve = evaluation.curve
    assert curve is not None
    i = evaluation.point_index(0.8)
    assert evaluation.metrics(0.8) == {
        "error": 1 - curve.select_accuracy[i],
        "accuracy": curve.select_accuracy[i],
        "macs": curve.select_cost[i],
        "worst_macs": evaluation.reach_macs[-1],
        "params": evaluation.params,
        "peak_activation_bytes": evaluation.peak_activation_bytes,
    }


def test_a_failed_candidate_has_no_metrics() -> None:
    failed = evaluate(config(evaluation={"max_training_macs": 1})).evaluation
    with pytest.raises(RunError, match=f"candidate {failed.key} has no operating curve: failed: too large"):
        failed.metrics(0.5)


# ---------------------------------------------------------------- identity
def key(fingerprint: str = "data", **sections: Any) -> str:
    return context_key(candidate_settings(config(**sections)), fingerprint)


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"epochs": 2}},
        {"training": {"augment": {"flip": True}}},
        {"training": {"precision": "bf16"}},
        {"evaluation": {"max_memory_mb": 100}},
        {"exits": {"policy": "margin"}},
        {"search": {"seed": 1}},
        {"fingerprint": "other data"},
    ],
)
def test_what_changes_results_changes_the_context(change: dict[str, Any]) -> None:
    assert key(**change) != key()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"search": {"generations": 99}},
        {"search": {"population": 99, "max_trainings": 5}},
        {"workers": {"count": 3, "mode": "serial"}},
        {"report": {"enabled": False}},
        {"constraints": {"macs": {"max": 1e6}}},
        {"objectives": ["error", "params"]},
    ],
)
def test_what_changes_no_result_keeps_the_context(change: dict[str, Any]) -> None:
    assert key(**change) == key()


def test_a_default_written_out_is_the_same_context() -> None:
    assert key(training={"momentum": 0.9}) == key()


def test_a_training_seed_depends_on_run_seed_and_architecture() -> None:
    seeds = {training_seed(run, name) for run in (0, 1) for name in ("a" * 16, "b" * 16)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_training_seed_is_the_same_in_every_process() -> None:
    assert training_seed(0, "0123456789abcdef") == 469633075
