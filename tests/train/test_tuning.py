"""Hyperparameters of one network: what is tried, on which images, and what is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from final_cases import DATA, plan, task

from aebnas.config.model_file import read_model
from aebnas.config.schema import WorkersConfig
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import RunError, TrainingError
from aebnas.files.lock import run_lock
from aebnas.train.full.events import FinalEvent, FinalListener, TrialEnded, TrialsBroke, Tuned, TuningBegan
from aebnas.train.full.images import tuning_images
from aebnas.train.tune.trial_runners import Began, Done, TrialRequest, TrialResources, _follow
from aebnas.train.tune.trials import Choice, Range, parameters_of
from aebnas.train.tune.tuning import TunedFile, tuned_plan
from aebnas.train.tune.tuning_record import Tried


class Runner:
    """Runs given settings one after the other in this process."""

    def __init__(self, *settings: dict[str, Any]) -> None:
        self.settings = settings
        self.reports: list[list[tuple[int, float]]] = []

    def __call__(self, request: TrialRequest, listener: FinalListener) -> None:
        self.request = request
        for one in self.settings:
            if one is CTRL_C:
                raise KeyboardInterrupt
            if one is BROKEN:
                continue
            reports: list[tuple[int, float]] = []
            self.reports.append(reports)
            request.run(one, lambda epoch, accuracy, reports=reports: reports.append((epoch, accuracy)))  # type: ignore[misc]
            epoch, accuracy = reports[-1]
            request.keep(Tried(settings=one, accuracy=accuracy, epochs=epoch, reports=tuple(reports)))


CTRL_C: dict[str, Any] = {}
BROKEN: dict[str, Any] = {}
GOOD, MIDDLING, POOR, WILD = (
    {"learning_rate": 0.3},
    {"learning_rate": 0.05},
    {"learning_rate": 1e-6},
    {"learning_rate": 100.0, "momentum": 0.99},
)


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
    events: list[FinalEvent] = []
    second = Runner()
    tuned_plan(task(tmp_path), plan(), 1, events.append, runner=second)
    assert [event.was_known for event in events if isinstance(event, Tuned)] == [True]


def test_other_settings_are_tuned_anew(tmp_path: Path) -> None:
    tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))
    runner = Runner(GOOD)
    tuned_plan(task(tmp_path), plan(epochs=1), 1, runner=runner)
    assert len(runner.reports[0]) == 1


def test_a_tuning_of_which_a_trial_broke_is_not_run_again(tmp_path: Path) -> None:
    tuned_plan(task(tmp_path), plan(), 3, runner=Runner(GOOD, BROKEN, POOR))
    assert len(read_model(tmp_path / "tuned.yaml", TunedFile, "").trials) == 2
    second = Runner(CTRL_C)
    found = tuned_plan(task(tmp_path), plan(), 3, runner=second)
    assert found.settings.training.learning_rate == GOOD["learning_rate"]
    assert not hasattr(second, "request")


def test_a_broken_trial_is_told_and_the_others_decide(tmp_path: Path) -> None:
    tried = Tried(settings=GOOD, accuracy=0.5, epochs=3)
    request = TrialRequest({}, 3, 3, 0, lambda settings, report: None)
    events: list[FinalEvent] = []

    class Answers:
        def __init__(self) -> None:
            self.left = [Began(), tried, Done("out of memory")]

        def receive(self, seconds: float) -> object:
            return self.left.pop(0)

    _follow(Answers(), request, TrialResources(WorkersConfig(), 1, 0), [], events.append)  # type: ignore[arg-type]
    assert events[-1] == TrialsBroke(2, 3, "out of memory")


@pytest.mark.parametrize("file", ["tuned.yaml", "tuning.json"])
def test_trials_of_other_code_do_not_count(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {"my_losses:Mine": "1" * 64}
    monkeypatch.setattr("aebnas.train.full.plan.names_in", lambda deciding: list(digests))
    monkeypatch.setattr("aebnas.train.full.plan.code_digest", digests.get)
    if file == "tuned.yaml":
        tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))
    else:
        with pytest.raises(KeyboardInterrupt):
            tuned_plan(task(tmp_path), plan(), 2, runner=Runner(GOOD, CTRL_C))
    assert (tmp_path / file).exists()
    digests["my_losses:Mine"] = "2" * 64
    second = Runner(POOR)
    tuned_plan(task(tmp_path), plan(), 1, runner=second)
    assert second.request.finished == ()


def test_an_interrupted_tuning_goes_on_behind_the_trials_that_had_ended(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned_plan(task(tmp_path), plan(), 3, runner=Runner(GOOD, POOR, CTRL_C))
    second = Runner(MIDDLING)
    found = tuned_plan(task(tmp_path), plan(), 3, runner=second)
    assert [one.settings for one in second.request.finished] == [GOOD, POOR]
    assert [len(one.reports) for one in second.request.finished] == [3, 3]
    assert found.settings.training.learning_rate == GOOD["learning_rate"]
    file = read_model(tmp_path / "tuned.yaml", TunedFile, "")
    assert sorted(one.settings["learning_rate"] for one in file.trials) == [1e-6, 0.05, 0.3]
    assert not (tmp_path / "tuning.json").exists()


def test_what_was_killed_between_its_last_trial_and_the_answer_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned_plan(task(tmp_path), plan(), 3, runner=Runner(GOOD, POOR, CTRL_C))
    second = Runner(CTRL_C)
    found = tuned_plan(task(tmp_path), plan(), 2, runner=second)
    assert found.settings.training.learning_rate == GOOD["learning_rate"]
    assert not hasattr(second, "request")


@pytest.mark.parametrize(("again", "epochs"), [(True, 3), (False, 1)])
def test_trials_of_another_question_or_forgotten_ones_do_not_count(
    tmp_path: Path, again: bool, epochs: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned_plan(task(tmp_path), plan(), 3, runner=Runner(GOOD, CTRL_C))
    second = Runner(POOR)
    tuned_plan(task(tmp_path), plan(epochs=epochs), 1, again=again, runner=second)
    assert second.request.finished == ()


@pytest.mark.parametrize(
    ("content", "message"), [("{", "Invalid JSON"), ('{"format": 3}', "format: Input should be less")]
)
def test_a_damaged_record_is_told_with_the_cure(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "tuning.json").write_text(content)
    with pytest.raises(RunError, match=rf"tuning\.json is damaged: {message}.*Tune anew with --again"):
        tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))
    tuned_plan(task(tmp_path), plan(), 1, again=True, runner=Runner(GOOD))


def test_two_processes_do_not_tune_in_one_folder(tmp_path: Path) -> None:
    with run_lock(tmp_path), pytest.raises(RunError, match="is in use by another aebnas process"):
        tuned_plan(task(tmp_path), plan(), 1, runner=Runner(GOOD))


@pytest.mark.parametrize(("is_known", "action"), [(True, "STOP"), (False, "CONTINUE")])
def test_asha_compares_with_the_trials_of_an_earlier_session(is_known: bool, action: str) -> None:
    from aebnas.train.tune.ray_tuning import scheduler_of

    tried = Tried(settings={}, accuracy=0.9, epochs=9, reports=tuple((i, 0.1 * i) for i in range(1, 10)))
    request = TrialRequest({}, 5, 9, 0, lambda settings, report: None, finished=(tried,) * is_known)
    scheduler = scheduler_of(request)
    assert scheduler.set_search_properties("accuracy", "max")
    trial = SimpleNamespace(trial_id="new")
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"epoch": 3, "accuracy": 0.2}) == action


def test_a_diverging_trial_scores_nothing_and_all_of_them_are_an_error(tmp_path: Path) -> None:
    runner = Runner(WILD)
    with pytest.raises(TrainingError, match="none of 1 trials learned anything"):
        tuned_plan(task(tmp_path), plan(clip_norm=None), 1, runner=runner)
    assert runner.reports[0][-1][1] == 0.0


def test_trials_train_on_train_and_are_scored_on_select() -> None:
    splits, images = make_splits(load_dataset(DATA), DATA), tuning_images(DATA)
    assert np.array_equal(images.train.pixels, splits.train.pixels)
    assert np.array_equal(images.held_out.pixels, splits.select.pixels)


def test_what_is_tried_lies_around_the_files_settings() -> None:
    tried = parameters_of(plan(learning_rate=0.1, batch_size=64).settings.training, exits=2)
    assert tried["learning_rate"] == Range(pytest.approx(0.02), pytest.approx(0.5), is_logarithmic=True)
    assert tried["batch_size"] == Choice((32, 64, 128))
    assert "epochs" not in tried


@pytest.mark.parametrize(
    ("training", "exits"),
    [({"loss": "frozen"}, 2), ({"loss": {"name": "self_distillation", "distillation": 0.1}}, 2), ({}, 1)],
)
def test_the_loss_is_tried_only_where_others_can_take_its_place(training: dict[str, Any], exits: int) -> None:
    assert "loss" not in parameters_of(plan(**training).settings.training, exits)
    assert "loss" in parameters_of(plan().settings.training, 2)


@pytest.mark.slow
def test_ray_tune_tries_as_often_as_asked_and_its_best_is_taken(tmp_path: Path) -> None:
    events: list[FinalEvent] = []
    found = tuned_plan(task(tmp_path), plan(), 3, events.append)
    ended = [event for event in events if isinstance(event, TrialEnded)]
    assert any(isinstance(event, TuningBegan) for event in events)
    assert [event.number for event in ended] == [1, 2, 3]
    best = max(ended, key=lambda event: (event.accuracy, event.epochs))
    assert found.settings.training.learning_rate == best.settings["learning_rate"]


@pytest.mark.slow
def test_ray_tune_goes_on_behind_the_trials_that_had_ended(tmp_path: Path) -> None:
    first, second = list[TrialEnded](), list[TrialEnded]()

    def cut(event: FinalEvent) -> None:
        if isinstance(event, TrialEnded):
            first.append(event)
            if event.number == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned_plan(task(tmp_path), plan(), 4, cut)
    tuned_plan(
        task(tmp_path),
        plan(),
        4,
        lambda event: second.append(event) if isinstance(event, TrialEnded) else None,
    )
    assert [event.number for event in second] == [3, 4]
    file = read_model(tmp_path / "tuned.yaml", TunedFile, "")
    rates = [event.settings["learning_rate"] for event in (*first, *second)]
    assert sorted(one.settings["learning_rate"] for one in file.trials) == sorted(rates)
    assert len(set(rates)) == 4
