"""Candidates that inherit: the same row as a trained one, in a fraction of the time."""

import io
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_evaluations import architecture, config, done, splits

from aebnas.config.schema import SearchFile
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.fidelities import Inherited
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.supernet.inheritance import SharedArrays, new_supernet

FINAL = {"kind": "trained", "keep": 3}


def inherited_by(**options: Any) -> dict[str, Any]:
    """Return the section evaluation of candidates that inherit; limits stand beside the plan."""
    limits = {name: options.pop(name) for name in list(options) if name.startswith("max_")}
    finals = options.pop("finals", [])
    item = {"kind": "inherited", "recalibration_images": 250} | options
    return {"fidelities": [item, *finals]} | limits


SUBNET = inherited_by()


@cache
def weights() -> SharedArrays:
    supernet = new_supernet(supernet_settings(config()), splits().task)
    return {name: tensor.numpy() for name, tensor in supernet.weights.tensors.items()}


def inheriting(training: dict[str, Any] | None = None, **options: Any) -> SearchFile:
    return config(evaluation=inherited_by(**options), training=training or {})


def inherited(settings: SearchFile) -> Outcome:
    return Evaluator(candidate_settings(settings), splits(), shared={"inherited": weights()}).evaluate(
        architecture()
    )


def logits(outcome: Outcome) -> Any:
    assert outcome.evaluation.status_text == "done"
    assert outcome.artefacts is not None
    return outcome.artefacts.select_logits


def test_a_subnet_has_curve_costs_and_artefacts_as_a_trained_candidate_has() -> None:
    outcome = inherited(inheriting())
    assert outcome.evaluation.reach_macs == done().evaluation.reach_macs
    assert outcome.evaluation.curve is not None
    assert outcome.evaluation.train_loss is None
    assert logits(outcome).shape == (len(splits().select), 3, 10)


def test_a_subnet_does_not_depend_on_who_was_evaluated_before() -> None:
    used = Evaluator(candidate_settings(inheriting()), splits(), shared={"inherited": weights()})
    used.evaluate(architecture("stage2", kernel=1))
    np.testing.assert_array_equal(logits(used.evaluate(architecture())), logits(inherited(inheriting())))


def test_finetuning_everything_changes_every_exit() -> None:
    before, after = logits(inherited(inheriting())), logits(inherited(inheriting(finetune_epochs=1)))
    accuracy = (after.argmax(2) == splits().select.labels[:, None]).mean(0)
    assert (np.abs(after - before).max(axis=(0, 2)) > 1e-3).all()
    assert accuracy[-1] > 0.3, "better than the chance of 0.1"


def test_finetuning_exits_leaves_the_last_exit_alone() -> None:
    before = logits(inherited(inheriting()))
    after = logits(inherited(inheriting(finetune_epochs=1, finetune="exits")))
    assert (np.abs(after - before).max(axis=(0, 2))[:-1] > 1e-3).all()
    np.testing.assert_allclose(after[:, -1], before[:, -1], atol=1e-5)


def test_finetuning_is_seeded() -> None:
    settings = inheriting(finetune_epochs=1)
    np.testing.assert_array_equal(logits(inherited(settings)), logits(inherited(settings)))


def top_candidate(training: dict[str, Any], **options: Any) -> Outcome:
    settings = inheriting(training=training, finals=[FINAL], **options)
    return Evaluator(candidate_settings(settings), splits(), shared={"inherited": weights()}).evaluate(
        architecture(), Step(1)
    )


def test_a_top_candidate_begins_where_the_subnet_stands() -> None:
    crawling = top_candidate({"epochs": 1, "learning_rate": 1e-6})
    subnet, still, scratch = (_flat(one) for one in (inherited(inheriting()), crawling, done()))
    assert (subnet - still).abs().max() < 1e-3
    assert (subnet - scratch).abs().max() > 0.1


def test_a_top_candidate_is_trained_as_a_candidate_from_scratch_is_but_for_its_beginning() -> None:
    outcome = top_candidate({"epochs": 2})
    assert (outcome.evaluation.epochs, outcome.evaluation.seed) == (2, done().evaluation.seed)
    assert outcome.evaluation.train_loss is not None
    np.testing.assert_array_equal(logits(outcome), logits(top_candidate({"epochs": 2})))
    accuracy = (logits(outcome).argmax(2) == splits().select.labels[:, None]).mean(0)
    assert accuracy[-1] > 0.3, "better than the chance of 0.1"


def test_a_top_candidate_meets_the_limit_of_training_macs_with_its_own_epochs() -> None:
    assert inherited(inheriting(training={"epochs": 2}, max_training_macs=1.0)).evaluation.is_done
    status = top_candidate({"epochs": 2}, max_training_macs=1.0).evaluation.status_text
    assert status.startswith("failed: too large")


def _flat(outcome: Outcome) -> torch.Tensor:
    """Return the trained weights, without what batch norms have counted."""
    assert outcome.artefacts is not None
    state = torch.load(io.BytesIO(outcome.artefacts.weights), weights_only=True)
    names = [name for name in sorted(state) if "running" not in name and "num_batches" not in name]
    return torch.cat([state[name].float().flatten() for name in names])


def test_the_limit_of_training_macs_counts_finetuning_alone() -> None:
    assert inherited(inheriting(max_training_macs=1.0)).evaluation.is_done
    status = inherited(inheriting(max_training_macs=1.0, finetune_epochs=1)).evaluation.status_text
    assert status.startswith("failed: too large")


def test_candidates_cannot_inherit_from_nothing() -> None:
    with pytest.raises(ValueError, match="need the weights of a supernet"):
        Evaluator(candidate_settings(inheriting()), splits())


# ---------------------------------------------------------------- identity and settings
def test_options_of_inheritance_leave_no_trace_in_runs_from_scratch() -> None:
    settings = config(supernet={"epochs": 3})
    assert context_key(candidate_settings(settings), "f") == context_key(candidate_settings(config()), "f")


@pytest.mark.parametrize(
    "changed",
    [{"evaluation": inherited_by(recalibration_images=7)}, {"evaluation": SUBNET, "supernet": {"epochs": 3}}],
)
def test_what_subnets_inherit_is_part_of_their_identity(changed: dict[str, Any]) -> None:
    assert context_key(candidate_settings(config(**changed)), "f") != context_key(
        candidate_settings(inheriting()), "f"
    )


def test_how_a_supernet_is_stored_is_no_part_of_it() -> None:
    settings = config(evaluation=SUBNET, supernet={"checkpoint_seconds": 5.0, "reuse": "never"})
    assert context_key(candidate_settings(settings), "f") == context_key(
        candidate_settings(inheriting()), "f"
    )


def test_losses_in_two_phases_are_refused_for_a_supernet() -> None:
    with pytest.raises(
        ValidationError, match="must be one of gradient_equilibrium, uniform, boosted, not jei"
    ):
        inheriting(training={"loss": "jei", "epochs": 2})


def test_finetuning_is_refused_from_scratch() -> None:
    with pytest.raises(ValidationError, match=r"finetune_epochs\n.*Extra inputs are not permitted"):
        config(evaluation={"fidelities": [{"kind": "trained", "finetune_epochs": 1}]})


def test_distillation_is_refused_without_a_teacher() -> None:
    with pytest.raises(ValidationError, match=r"distillation.*goes with rule: sandwich"):
        config(supernet={"rule": "fair", "distillation": 0.5})


def test_boosted_networks_inherit_too() -> None:
    settings = inheriting(training={"loss": "boosted"})
    kind = Evaluator(candidate_settings(settings), splits(), shared={"inherited": weights()}).bench.kinds[
        "inherited"
    ]
    assert isinstance(kind, Inherited)
    found = kind.subnets.extract(architecture())
    assert found.boosting_coefficient == 0.5
    assert torch.isfinite(found(torch.zeros(2, 1, 8, 8))[-1]).all()
