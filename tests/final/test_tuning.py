"""Hyperparameters of one network: what is tried, on which images, and what is kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from final_cases import DATA, plan, task

from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import TrainingError
from aebnas.final.events import FinalEvent, FinalListener, TrialEnded, Tuned, TuningBegan
from aebnas.final.images import tuning_images
from aebnas.final.trials import Choice, Range, parameters_of
from aebnas.final.tuning import Asked, tuned_plan


class Runner:
    """Runs given settings one after the other in this process."""

    def __init__(self, *settings: dict[str, Any]) -> None:
        self.settings = settings
        self.reports: list[list[tuple[int, float]]] = []

    def __call__(self, asked: Asked, listener: FinalListener) -> list[TrialEnded]:
        for one in self.settings:
            self.reports.append([])
            asked.run(one, lambda epoch, accuracy: self.reports[-1].append((epoch, accuracy)))
        last = [reports[-1] for reports in self.reports]
        return [
            TrialEnded(i + 1, asked.trials, one, accuracy, epoch)
            for i, (one, (epoch, accuracy)) in enumerate(zip(self.settings, last, strict=True))
        ]


GOOD, POOR, WILD = {"learning_rate": 0.3}, {"learning_rate": 1e-6}, {"learning_rate": 100.0, "momentum": 0.99}


def test_the_best_settings_are_taken_and_the_others_stay(tmp_path: Path) -> None:
    found = tuned_plan(task(tmp_path), plan(learning_rate=0.2), 2, runner=Runner(POOR, GOOD))
    assert found.settings.training == plan(learning_rate=0.3).settings.training


def test_every_epoch_of_a_trial_is_reported(tmp_path: Path) -> None:
    runner = Runner(GOOD)
    tuned_plan(task(tmp_path), plan(), 1, runner=runner)
    assert [epoch for epoch, _ in runner.reports[0]] == [1, 2, 3]
    assert runner.reports[0][-1][1] > 0.3


def test_the_same_question_is_not_tuned_twice(tmp_path: Path) -> None:
    tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))
    heard: list[FinalEvent] = []
    second = Runner()
    tuned_plan(task(tmp_path), plan(), 1, heard.append, runner=second)
    assert [event.was_known for event in heard if isinstance(event, Tuned)] == [True]


def test_other_settings_are_tuned_anew(tmp_path: Path) -> None:
    tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))
    runner = Runner(GOOD)
    tuned_plan(task(tmp_path), plan(epochs=1), 1, runner=runner)
    assert len(runner.reports[0]) == 1


def test_a_diverging_trial_scores_nothing_and_all_of_them_are_an_error(tmp_path: Path) -> None:
    runner = Runner(WILD)
    with pytest.raises(TrainingError, match="none of 1 trials learned anything"):
        tuned_plan(task(tmp_path), plan(clip_norm=None), 1, runner=runner)
    assert runner.reports[0][-1][1] == 0.0


def test_trials_train_on_train_and_are_scored_on_select() -> None:
    splits, images = make_splits(load_dataset(DATA), DATA), tuning_images(DATA)
    assert np.array_equal(images.train.images, splits.train.images)
    assert np.array_equal(images.held_out.images, splits.select.images)


def test_what_is_tried_lies_around_the_files_settings() -> None:
    tried = parameters_of(plan(learning_rate=0.1, batch_size=64).settings.training, exits=2)
    assert tried["learning_rate"] == Range(pytest.approx(0.02), pytest.approx(0.5), is_logarithmic=True)
    assert tried["batch_size"] == Choice((32, 64, 128))
    assert "epochs" not in tried


@pytest.mark.parametrize(
    ("training", "exits"),
    [({"loss": "frozen"}, 2), ({"loss": "self_distillation", "distillation": 0.1}, 2), ({}, 1)],
)
def test_the_loss_is_tried_only_where_others_can_take_its_place(training: dict[str, Any], exits: int) -> None:
    assert "loss" not in parameters_of(plan(**training).settings.training, exits)
    assert "loss" in parameters_of(plan().settings.training, 2)


@pytest.mark.slow
def test_ray_tune_tries_as_often_as_asked_and_its_best_is_taken(tmp_path: Path) -> None:
    heard: list[FinalEvent] = []
    found = tuned_plan(task(tmp_path), plan(), 3, heard.append)
    ended = [event for event in heard if isinstance(event, TrialEnded)]
    assert any(isinstance(event, TuningBegan) for event in heard)
    assert [event.number for event in ended] == [1, 2, 3]
    best = max(ended, key=lambda event: (event.accuracy, event.epochs))
    assert found.settings.training.learning_rate == best.settings["learning_rate"]
