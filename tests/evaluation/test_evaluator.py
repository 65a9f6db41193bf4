"""One candidate from architecture to curve; what goes wrong is a row with its reason."""

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_evaluations import architecture, config, done, evaluate, splits

from aebnas.data.dataset import Samples
from aebnas.data.splits import Splits
from aebnas.errors import TrainingError
from aebnas.evaluation import trained as trained_room
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.identity import training_seed
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import candidate_settings
from aebnas.exits.core.scores import SCORES, predictions
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.task.task import classification
from aebnas.training.image_logits import image_logits

MEASURED = ("seconds", "cpu_seconds", "memory_mb")
"""What depends on the machine and the moment."""


def result(evaluation: Evaluation) -> dict[str, Any]:
    return {name: value for name, value in evaluation.to_dict().items() if name not in MEASURED}


def relabelled(images: Samples) -> Samples:
    """The same images under permuted labels."""
    return Samples(images.pixels, np.random.default_rng(0).permutation(images.labels))


def curve_with(changed: Splits) -> Any:
    curve = Evaluator(candidate_settings(config()), changed).evaluate(architecture()).evaluation.curve
    assert curve is not None
    return curve


def failing(error: Exception) -> Callable[..., None]:
    def train(*_arguments: object) -> None:
        raise error

    return train


# ---------------------------------------------------------------- results
def test_an_evaluation_knows_everything_about_its_candidate() -> None:
    evaluation = done().evaluation
    cost = network_cost(architecture(), classification(1, 10))
    assert (evaluation.status_text, evaluation.is_done, evaluation.precision) == ("done", True, "fp32")
    assert evaluation.reach_macs == tuple(cost.reach_macs)
    assert evaluation.params == cost.params
    assert evaluation.peak_activation_bytes == cost.peak_activation_bytes
    assert evaluation.train_loss is not None
    assert 0 < evaluation.train_loss < 3 * np.log(10)
    assert min(evaluation.seconds, evaluation.cpu_seconds, evaluation.memory_mb) > 0


def test_the_curve_is_drawn_in_the_networks_own_macs() -> None:
    curve = done().evaluation.curve
    assert curve is not None
    assert tuple(curve.reach_cost) == done().evaluation.reach_macs
    assert curve.exit_accuracy[-1] > 0.3, "better than the chance of 0.1"


def test_the_same_candidate_twice_gives_the_same_evaluation() -> None:
    assert result(evaluate().evaluation) == result(done().evaluation)


def test_an_evaluator_that_has_seen_others_gives_the_same_evaluation() -> None:
    used = Evaluator(candidate_settings(config()), splits())
    used.evaluate(architecture("stage2", kernel=1))
    assert result(used.evaluate(architecture()).evaluation) == result(done().evaluation)


def test_with_all_that_photos_need_too() -> None:
    """So it does not matter how many workers there are."""
    augment = {"random_resized_crop": True, "colour_jitter": True, "cutout": 2, "mixup": 0.2}
    training = {"augment": augment, "ema_decay": 0.9, "backbone_rate_multiplier": 0.5, "epochs": 2}
    evaluator = Evaluator(candidate_settings(config(training=training | {"loss": "mixed"})), splits())
    outcomes = [evaluator.evaluate(of) for of in (architecture(), architecture(kernel=1), architecture())]
    assert outcomes[0].artefacts is not None
    assert outcomes[0].artefacts.weights == outcomes[2].artefacts.weights
    assert outcomes[0].artefacts.weights != outcomes[1].artefacts.weights


def test_another_seed_of_the_run_trains_another_network() -> None:
    other = evaluate(config(search={"seed": 1})).evaluation
    assert other.seed == training_seed(1, architecture().key()) != done().evaluation.seed
    assert other.train_loss != done().evaluation.train_loss


def test_the_logits_give_the_stored_scores_and_predictions() -> None:
    artefacts = done().artefacts
    assert artefacts is not None
    for record, logits, images in (
        (artefacts.calibrate, artefacts.calibrate_logits, splits().calibrate),
        (artefacts.select, artefacts.select_logits, splits().select),
    ):
        assert logits.shape == (len(images), 3, 10)
        np.testing.assert_array_equal(record.predictions, predictions(logits))
        assert record.scores.keys() == SCORES.keys()
        assert {score.shape for score in record.scores.values()} == {(len(images), 3)}


def test_the_stored_weights_are_those_that_gave_the_logits() -> None:
    artefacts = done().artefacts
    assert artefacts is not None
    network = EarlyExitNetwork(architecture(), splits().task)
    network.load_state_dict(torch.load(io.BytesIO(artefacts.weights), weights_only=True))
    np.testing.assert_allclose(
        image_logits(network, splits().select), artefacts.select_logits, rtol=1e-4, atol=1e-4
    )


# ---------------------------------------------------------------- splits
def test_labels_of_select_change_no_threshold() -> None:
    plain = done().evaluation.curve
    assert plain is not None
    changed = curve_with(dataclasses.replace(splits(), select=relabelled(splits().select)))
    assert list(changed.policies) == list(plain.policies)
    np.testing.assert_array_equal(changed.calibrate_accuracy, plain.calibrate_accuracy)
    assert (changed.select_accuracy < 0.2).all(), "permuted labels are answered by chance"


def test_labels_of_calibrate_change_thresholds_but_no_exits_accuracy() -> None:
    plain = done().evaluation.curve
    assert plain is not None
    changed = curve_with(dataclasses.replace(splits(), calibrate=relabelled(splits().calibrate)))
    np.testing.assert_array_equal(changed.exit_accuracy, plain.exit_accuracy)
    assert list(changed.policies) != list(plain.policies)


def test_the_policy_of_the_file_scores_the_exits() -> None:
    curve = done().evaluation.curve
    other = evaluate(config(exits={"policy": "entropy"})).evaluation.curve
    assert curve is not None
    assert other is not None
    np.testing.assert_array_equal(other.exit_accuracy, curve.exit_accuracy)
    assert list(other.policies) != list(curve.policies)


# ---------------------------------------------------------------- loss weights
@pytest.mark.parametrize(
    ("after", "weights"),
    [(("stage1", "stage2"), (0.1, 0.2, 0.7)), (("stage1",), (0.1, 0.7)), (("stage2",), (0.2, 0.7))],
)
def test_loss_weights_belong_to_positions_of_the_space(
    monkeypatch: pytest.MonkeyPatch, after: tuple[str, ...], weights: tuple[float, ...]
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(trained_room, "train", lambda *arguments: seen.append(arguments[3]))
    evaluate(
        config(training={"loss": {"name": "weighted", "exit_weights": [0.1, 0.2, 0.7]}}), architecture(*after)
    )
    assert seen == [weights]


def test_a_candidate_whose_exits_all_weigh_nothing_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trained_room, "train", failing(AssertionError("was trained")))
    weighted = config(training={"loss": {"name": "weighted", "exit_weights": [0.5, 0, 0]}})
    assert evaluate(weighted, architecture("stage2")).evaluation.status_text == (
        "failed: every exit it has, the final classifier included, weighs 0 in "
        "training.loss.exit_weights = [0.5, 0.0, 0.0]: nothing would train it"
    )
    assert "was trained" in evaluate(weighted, architecture("stage1")).evaluation.status_text


def test_uniform_loss_weights_are_one_per_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(trained_room, "train", lambda *arguments: seen.append(arguments[3]))
    evaluate(of=architecture("stage1"))
    assert seen == [(1.0, 1.0)]


# ---------------------------------------------------------------- failures
def failure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> str:
    """The status of a candidate whose training raises."""
    monkeypatch.setattr(trained_room, "train", failing(error))
    outcome = evaluate()
    assert outcome.artefacts is None
    assert outcome.evaluation.curve is None
    assert not outcome.evaluation.is_done
    assert outcome.evaluation.reach_macs == done().evaluation.reach_macs
    return outcome.evaluation.status_text


def test_a_candidate_with_too_many_training_macs_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = done().evaluation.reach_macs[-1] * len(splits().train) * 2
    monkeypatch.setattr(trained_room, "train", failing(AssertionError("was trained")))
    settings = config(training={"epochs": 2}, evaluation={"max_training_macs": work * 0.99})
    assert evaluate(settings).evaluation.status_text == (
        f"failed: too large: {work:.3g} MACs x images x epochs > "
        f"evaluation.max_training_macs = {work * 0.99:.3g}"
    )


def test_a_candidate_at_the_limit_of_training_macs_is_trained() -> None:
    work = done().evaluation.reach_macs[-1] * len(splits().train)
    assert evaluate(config(evaluation={"max_training_macs": work})).evaluation.is_done


def test_a_candidate_that_needs_too_much_memory_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cost = network_cost(architecture(), classification(1, 10))
    memory = (32 * cost.saved_activation_bytes + 16 * cost.params) / 1e6
    monkeypatch.setattr(trained_room, "train", failing(AssertionError("was trained")))
    status = evaluate(config(evaluation={"max_memory_mb": memory * 0.99})).evaluation.status_text
    assert status.startswith(f"failed: too large: about {memory:.0f} MB to train > evaluation.max_memory_mb")
    monkeypatch.undo()
    assert evaluate(config(evaluation={"max_memory_mb": memory * 1.01})).evaluation.is_done


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), ""),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
            "DefaultCPUAllocator",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore"), "Tried to allocate"),
        (RuntimeError("CUDA error: out of memory"), "CUDA error"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "cublasCreate"),
    ],
)  # fmt: skip
def test_running_out_of_memory_is_recorded_with_the_memory_seen(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    monkeypatch.setattr(Evaluator, "_memory_mb", lambda _self: 1234.5)
    status = failure(monkeypatch, error)
    assert status.startswith("failed: out of memory at 1234 MB")
    assert words in status
    assert "\n" not in status
    assert not status.endswith("()")


def test_divergence_is_recorded_in_the_trainers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    status = failure(monkeypatch, TrainingError("training diverged: mean loss 99"))
    assert status == "failed: training diverged: mean loss 99"


def test_a_real_divergence_is_recorded() -> None:
    training = config().training.model_copy(update={"learning_rate": 1e30, "clip_norm": None})
    outcome = evaluate(config().model_copy(update={"training": training}))
    assert outcome.evaluation.status_text.startswith("failed: ")
    assert "NaN" in outcome.evaluation.status_text or "diverged" in outcome.evaluation.status_text
    assert outcome.artefacts is None


def test_any_other_error_is_recorded_with_its_kind_and_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure(monkeypatch, ValueError("odd\nand long")) == "failed: ValueError: odd"
    assert failure(monkeypatch, ValueError()) == "failed: ValueError: "


def test_an_evaluator_is_ready_for_the_next_candidate_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used = Evaluator(candidate_settings(config()), splits())
    monkeypatch.setattr(trained_room, "train", failing(MemoryError()))
    assert not used.evaluate(architecture()).evaluation.is_done
    monkeypatch.undo()
    assert result(used.evaluate(architecture()).evaluation) == result(done().evaluation)


def test_an_interrupt_is_no_failure_of_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trained_room, "train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        evaluate()


def test_a_network_cut_short_costs_its_earlier_heads_only_where_it_needs_them() -> None:
    plain = done().evaluation
    assert plain.cut_short_costs["macs"][-1] < plain.reach_macs[-1]
    assert not plain.needs_earlier_heads
    boosted = evaluate(config(training={"loss": "boosted"})).evaluation
    assert boosted.cut_short_costs["macs"] == boosted.reach_macs
    assert boosted.needs_earlier_heads
