"""Training a network in full: interrupted it ends as if it had not been, and nothing is done twice."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

import numpy as np
import pytest
import torch
from final_cases import DATA, Interruption, architecture, images, plan, task

from aebnas.cli.views.training_views import trained
from aebnas.config.sections.exits import ExitsConfig, GuaranteeConfig
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.identity import training_seed
from aebnas.train.full.checkpoint import Trained, load_trained, read_checkpoint
from aebnas.train.full.events import EpochEnded, FinalEvent, NetworkTrained, TrainingBegan
from aebnas.train.full.full_training import train_network
from aebnas.train.full.images import final_images
from aebnas.train.full.plan import Plan, Teacher, TrainingJob
from aebnas.train.full.teachers import trained_teacher
from aebnas.training.losses.teacher import Distillation


def equal_weights(one: Trained, other: Trained) -> bool:
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def rows(folder: Path) -> list[dict[str, str]]:
    """The log without what a clock decides."""
    with (folder / "log.csv").open() as file:
        return [{name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(file)]


@cache
def finished() -> Path:
    """A trained network; do not change it."""
    folder = Path(mkdtemp()) / "network"
    train_network(task(folder), plan())
    return folder


@cache
def teacher() -> Teacher:
    folder = Path(mkdtemp()) / "teacher"
    large = architecture(width=12, resolution=10).without_exits()
    return trained_teacher(
        train_network(TrainingJob("teacher", large, folder), plan(epochs=1)), Distillation(0.5, 2.0)
    )


# ---------------------------------------------------------------- interruptions
@pytest.mark.parametrize(
    ("training", "epoch"),
    [
        ({}, 1),
        ({"loss": "frozen"}, 1),  # the last epoch of its first phase
        ({"loss": "jei", "epochs": 4}, 3),  # in the middle of the phase with gates
        ({"augment": {"crop": 1, "flip": True}}, 2),
        ({"loss": "boosted", "precision": "bf16"}, 1),
        ({"backbone_rate_multiplier": 0.2}, 1),
        ({"ema_decay": 0.9}, 2),
        ({"ema_decay": 0.9, "loss": "frozen"}, 1),
        ({"augment": {"random_resized_crop": True, "colour_jitter": True, "mixup": 0.2}}, 2),
    ],
)
def test_an_interrupted_training_ends_bit_for_bit_like_an_uninterrupted_one(
    tmp_path: Path, training: dict[str, Any], epoch: int
) -> None:
    settings = plan(**training)
    whole = train_network(task(tmp_path / "whole"), settings)
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path / "cut"), settings, Interruption(epoch))
    assert not (tmp_path / "cut" / "checkpoint.yaml").exists()
    cut = train_network(task(tmp_path / "cut"), settings)
    assert equal_weights(whole, cut)
    assert np.array_equal(whole.calibrate_logits, cut.calibrate_logits)
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")


def test_an_interrupted_distillation_ends_bit_for_bit_like_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = train_network(task(tmp_path / "whole", teacher()), plan())
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path / "cut", teacher()), plan(), Interruption(2))
    assert equal_weights(whole, train_network(task(tmp_path / "cut", teacher()), plan()))
    assert not equal_weights(whole, load_trained(finished()))


def test_the_log_of_an_averaged_training_ends_with_the_accuracy_of_what_is_deployed(tmp_path: Path) -> None:
    trained_network = train_network(task(tmp_path), plan(ema_decay=0.95))
    right = trained_network.calibrate_logits.argmax(2) == trained_network.calibrate_labels[:, None]
    logged = [float(value) for name, value in rows(tmp_path)[-1].items() if name.startswith("accuracy")]
    assert logged == pytest.approx(right.mean(0).tolist())
    assert not equal_weights(trained_network, load_trained(finished()))


TRAINS = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from final_cases import plan, task
from aebnas.train.full.full_training import train_network
train_network(task(Path({folder!r})), plan(epochs=12))
"""


def test_a_training_that_was_killed_goes_on_to_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    code = TRAINS.format(here=str(Path(__file__).parent), folder=str(folder))
    victim = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: len(rows(folder)) >= 2 if (folder / "log.csv").exists() else False, victim)
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert (folder / "training.pt").exists()
    assert not (folder / "checkpoint.yaml").exists()
    began: list[FinalEvent] = []
    killed = train_network(task(folder), plan(epochs=12), began.append)
    assert next(event.epochs_done for event in began if isinstance(event, TrainingBegan)) >= 2
    assert equal_weights(killed, train_network(task(tmp_path / "whole"), plan(epochs=12)))
    assert [row["epoch"] for row in rows(folder)] == [str(i + 1) for i in range(12)]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)


def test_the_saved_state_holds_no_pickled_objects(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path), plan(), Interruption(1))
    stored = torch.load(tmp_path / "training.pt", weights_only=True)
    assert len(stored["rows"]) == 1


def test_a_damaged_saved_state_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path), plan(), Interruption(1))
    whole = (tmp_path / "training.pt").read_bytes()
    (tmp_path / "training.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=r"training\.pt is damaged: .* Train anew with --again"):
        train_network(task(tmp_path), plan())


def test_an_unfinished_training_is_not_continued_with_other_settings(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path), plan(), Interruption(1))
    with pytest.raises(RunError, match=r"training\.learning_rate: 0\.3, now 0\.1\. .*--again"):
        train_network(task(tmp_path), plan(learning_rate=0.1))


def test_statistics_that_no_pretrained_network_brought_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.frozen_batch_norm goes with pretrained weights"):
        train_network(task(tmp_path / "new"), plan(frozen_batch_norm=True))
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- finished networks
def test_a_finished_network_is_not_trained_again() -> None:
    events: list[FinalEvent] = []
    again = train_network(task(finished()), plan(), events.append)
    assert [type(event) for event in events] == [NetworkTrained]
    assert equal_weights(again, load_trained(finished()))


def test_another_operating_point_refits_the_policy_and_leaves_the_weights(tmp_path: Path) -> None:
    first = train_network(task(tmp_path), plan(budget_fraction=1.0))
    (tmp_path / "evaluation.json").write_text("{}")
    events: list[FinalEvent] = []
    second = train_network(
        task(tmp_path), plan(ExitsConfig(policy="margin"), budget_fraction=0.5), events.append
    )
    assert not any(isinstance(event, EpochEnded) for event in events)
    assert equal_weights(first, second)
    assert read_checkpoint(tmp_path).policy["score"] == "margin"
    assert read_checkpoint(tmp_path).budget_fraction == 0.5
    assert not (tmp_path / "evaluation.json").exists()  # it was about another policy


def test_again_trains_anew(tmp_path: Path) -> None:
    train_network(task(tmp_path), plan())
    events: list[FinalEvent] = []
    train_network(task(tmp_path), plan(epochs=1), events.append, again=True)
    assert sum(isinstance(event, EpochEnded) for event in events) == 1
    assert read_checkpoint(tmp_path).training.epochs == 1


def test_a_target_is_fitted_on_calibrate_and_leaves_no_budget_fraction(tmp_path: Path) -> None:
    events: list[FinalEvent] = []
    found = train_network(task(tmp_path), plan(ExitsConfig(accuracy=0.5), epochs=1), events.append)
    assert found.checkpoint.budget_fraction is None
    (output,) = [event for event in events if isinstance(event, NetworkTrained)]
    assert output.target_check is not None
    assert output.target_check["target"] == "accuracy >= 50.00%"


def test_a_promise_that_closed_every_exit_says_why(tmp_path: Path) -> None:
    events: list[FinalEvent] = []
    promise = ExitsConfig(guarantee=GuaranteeConfig(max_harm=0.001))
    train_network(task(tmp_path), plan(promise, epochs=1), events.append)
    (output,) = [event for event in events if isinstance(event, NetworkTrained)]
    assert "at least 2302 are needed before any early answer can be cleared" in trained(output)


def test_a_target_that_training_misses_says_what_can_be_reached(tmp_path: Path) -> None:
    events: list[FinalEvent] = []
    train_network(task(tmp_path), plan(ExitsConfig(accuracy=1.0), epochs=1), events.append)
    (output,) = [event for event in events if isinstance(event, NetworkTrained)]
    assert output.target_check is not None
    assert output.target_check["best"] == output.policy_accuracy < 1
    assert "What can be reached: an accuracy of" in trained(output)


def test_a_static_network_has_one_exit_that_answers_everything(tmp_path: Path) -> None:
    found = train_network(TrainingJob("static", architecture().without_exits(), tmp_path), plan(epochs=1))
    assert found.checkpoint.is_static
    assert found.calibrate_logits.shape[1] == 1
    assert found.checkpoint.exit_policy.exits == 1


def test_the_seed_comes_from_the_run_and_the_architecture() -> None:
    assert read_checkpoint(finished()).seed == training_seed(3, architecture().key())


def test_the_log_has_a_row_per_epoch_and_tensorboard_its_events() -> None:
    assert [row["epoch"] for row in rows(finished())] == ["1", "2", "3"]
    assert all(float(row["accuracy[final classifier]"]) > 0.05 for row in rows(finished()))
    assert list((finished() / "tensorboard").glob("events.out.tfevents.*"))


def test_weights_that_would_train_nothing_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    wrong = plan(loss={"name": "weighted", "exit_weights": (1.0, 0.0, 0.5)})
    with pytest.raises(ConfigError, match="exit_weights needs 2 values"):
        train_network(task(tmp_path / "new"), wrong)
    assert not (tmp_path / "new").exists()


class NoSpace:
    def space(self, task: Any) -> Any:
        raise AssertionError("the space was made")


def test_the_space_is_made_only_for_weights_of_exits_that_are_given(tmp_path: Path) -> None:
    selected = replace(plan().selected, origin=cast("Any", NoSpace()))
    assert task(tmp_path).weights(replace(plan(), selected=selected)) == (1.0, 1.0)
    weighted = plan(loss={"name": "weighted", "exit_weights": (1.0, 0.5)})
    with pytest.raises(AssertionError, match="the space was made"):
        task(tmp_path).weights(replace(weighted, selected=selected))


# ---------------------------------------------------------------- images
def test_train_and_select_train_and_calibrate_stays_apart() -> None:
    splits = make_splits(load_dataset(DATA), DATA)
    assert len(images().train) == len(splits.train) + len(splits.select)
    assert np.array_equal(images().held_out.pixels, splits.calibrate.pixels)


def test_data_that_have_changed_since_the_search_are_refused() -> None:
    with pytest.raises(RunError, match="the data have changed since the search"):
        final_images(DATA, "0" * 64)


def test_a_finished_network_of_other_data_is_refused(tmp_path: Path) -> None:
    train_network(task(tmp_path), plan(epochs=1))
    other: Plan = plan(epochs=1)
    other = replace(other, images=replace(other.images, fingerprint="f" * 64))
    with pytest.raises(RunError, match="data_fingerprint"):
        train_network(task(tmp_path), other)
