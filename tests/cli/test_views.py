"""What the screens show, from events alone."""

import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aebnas.cli.views.choosing import make_view
from aebnas.cli.views.json_lines import JsonLines
from aebnas.cli.views.live import LiveView
from aebnas.cli.views.plain import PlainView, time_left
from aebnas.cli.views.progress import Progress
from aebnas.cli.views.views import interruption
from aebnas.config import load
from aebnas.evaluation.record import Evaluation
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.fronts.individuals import FrontPoint
from aebnas.runs.store.store import RunStore
from aebnas.search.events import (
    CandidateFinished,
    CandidateStarted,
    FinalsChosen,
    Generation,
    SearchStarted,
    SupernetProgress,
    Warned,
    WorkerLost,
    WorkersChanged,
    WorkersStarted,
)

STARTED = SearchStarted("runs/x", generations=3, planned=18, max_trainings=None, max_minutes=None, known=0)


@pytest.fixture(scope="module")
def evaluation(tiny_search: tuple[Path, Any]) -> Evaluation:
    return RunStore(tiny_search[0]).evaluations()[0]


@pytest.fixture
def failed(evaluation: Evaluation) -> Evaluation:
    return evaluation.failed("loss is not finite [step 3]")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def trained(progress: Progress, clock: Clock, evaluation: Evaluation, seconds: float, count: int) -> None:
    for _ in range(count):
        progress(CandidateStarted(evaluation.key, busy=1))
        clock.now += seconds
        progress(CandidateFinished(evaluation, cached=False, busy=0))


def test_time_left_follows_the_candidates_that_were_trained(evaluation: Evaluation) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(STARTED)
    for _ in range(8):
        progress(CandidateFinished(evaluation, cached=True, busy=0))
    assert progress.seconds_left() is None
    clock.now += 30  # workers start: no measure of a candidate
    trained(progress, clock, evaluation, seconds=2.0, count=4)
    assert progress.seconds_left() == pytest.approx(2.0 * (18 - 12))
    clock.now += 1
    assert progress.seconds_left() == pytest.approx(11.0)


def test_time_left_ends_with_max_minutes(evaluation: Evaluation) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(replace(STARTED, max_minutes=0.5))
    trained(progress, clock, evaluation, seconds=10.0, count=1)
    assert progress.seconds_left() == pytest.approx(20.0)


FINAL = FinalTraining("inherited-trained9", 9, chosen=1, trained=("a" * 16,), failed=())
WITH_TOP_CANDIDATES = replace(STARTED, planned=16, finals=6, are_trainings=False)


def test_while_subnets_are_evaluated_top_candidates_are_not_counted_as_subnets(
    evaluation: Evaluation,
) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(WITH_TOP_CANDIDATES)
    trained(progress, clock, evaluation, seconds=2.0, count=4)
    assert time_left(progress) == "about 12 s left, then 6 top-k candidates"
    trained(progress, clock, evaluation, seconds=2.0, count=6)
    assert time_left(progress) == "then 6 top-k candidates"


def test_the_time_left_of_top_candidates_follows_those_that_finished(evaluation: Evaluation) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(WITH_TOP_CANDIDATES)
    trained(progress, clock, evaluation, seconds=0.2, count=10)
    progress(
        FinalsChosen(candidates=5, unknown=4, epochs=9, fidelity="inherited")
    )  # one less: its training is too long
    progress(CandidateFinished(evaluation, cached=True, busy=0))
    assert progress.seconds_left() is None
    trained(progress, clock, evaluation, seconds=8.0, count=1)
    assert time_left(progress) == "about 24 s left"
    assert (progress.finished, progress.planned) == (12, 15)


def test_earlier_sessions_have_spent_part_of_max_minutes(evaluation: Evaluation) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(replace(STARTED, max_minutes=1, spent_seconds=50.0))
    trained(progress, clock, evaluation, seconds=4.0, count=1)
    assert progress.seconds_left() == pytest.approx(6)


def test_top_candidates_that_max_minutes_does_not_let_begin_are_not_announced(evaluation: Evaluation) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(replace(WITH_TOP_CANDIDATES, max_minutes=0.25))
    trained(progress, clock, evaluation, seconds=2.0, count=4)
    assert time_left(progress) == "about 7 s left"


def test_every_view_says_that_top_candidates_follow(
    capsys: pytest.CaptureFixture[str], live: LiveView, evaluation: Evaluation
) -> None:
    plain, clock = PlainView(), Clock()
    plain._progress = live._progress = Progress(clock)
    with live:
        live(WITH_TOP_CANDIDATES)
        trained(live._progress, clock, evaluation, seconds=2.0, count=3)
        shown = frame(live)
    plain(WITH_TOP_CANDIDATES)
    plain(CandidateFinished(evaluation, cached=False, busy=0))
    plain(Generation(1, (evaluation.key,), trainings=4, failed=0, hypervolume=0.1))
    assert "3 of 16 evaluations  about 14 s left, then 6 top-k candidates" in shown
    output = capsys.readouterr().out
    assert "[4 of 16, about 9 s left, then 6 top-k candidates]" in output
    assert "at most 16 evaluations" in output
    assert "4 evaluations, front of" in output


def test_a_failed_candidate_counts_as_finished_not_as_done(
    evaluation: Evaluation, failed: Evaluation
) -> None:
    progress = Progress()
    progress(CandidateFinished(evaluation, cached=True, busy=0))
    progress(CandidateFinished(failed, cached=False, busy=0))
    assert (progress.done, progress.failed, progress.cached, progress.finished) == (1, 1, 1, 2)
    assert progress.best_accuracy == evaluation.metrics(1.0)["accuracy"]


def test_once_top_candidates_are_trained_the_best_accuracy_is_that_of_the_front(
    evaluation: Evaluation,
) -> None:
    progress = Progress()
    progress(CandidateFinished(evaluation, cached=False, busy=0))
    front = (FrontPoint(evaluation.key, 1.0, {"accuracy": 0.01}),)
    output = Generation(1, (), trainings=1, failed=0, hypervolume=0.1, front=front)
    progress(output)
    assert progress.best_accuracy == evaluation.metrics(1.0)["accuracy"]
    progress(replace(output, finals=(FINAL,)))
    assert progress.best_accuracy == evaluation.metrics(1.0)["accuracy"], "inherited subnets hold it too"
    progress(replace(output, finals=(replace(FINAL, hold_front=True),)))
    assert progress.best_accuracy == 0.01


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def live(screen: io.StringIO) -> LiveView:
    console = Console(
        file=screen,
        force_terminal=True,
        width=80,
        height=25,
        color_system=None,
        highlight=False,
        markup=False,
    )
    return LiveView(console)


def frame(live: LiveView, width: int = 80) -> str:
    console = Console(width=width, color_system=None, highlight=False, file=io.StringIO())
    with console.capture() as capture:
        console.print(live._panel())
    return capture.get()


def test_the_panel_shows_where_the_search_stands(live: LiveView, evaluation: Evaluation) -> None:
    with live:
        live(STARTED)
        assert "starting workers" in frame(live)
        live(WorkersStarted(2))
        live(CandidateStarted(evaluation.key, busy=1))
        live(CandidateFinished(evaluation, cached=False, busy=1))
        live(Generation(1, (evaluation.key,), trainings=1, failed=0, hypervolume=0.4321))
        shown = frame(live)
    accuracy = f"{evaluation.metrics(1.0)['accuracy']:.2%}"
    for fact in (
        "runs/x",
        "1 of 18 trainings",
        "generation 2 of 3",
        accuracy,
        "0.4321",
        "0 of 2 busy",
        "1 done",
    ):
        assert fact in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("width", [80, 120])
def test_the_panel_of_a_supernet_shows_its_step_and_loss_below_the_bar(live: LiveView, width: int) -> None:
    accuracies = {"smallest": [0.4, 0.5], "largest": [0.6, 0.7]}
    with live:
        live(SupernetProgress(step=1, steps=400, loss=3.5, seconds=0.5))
        live(SupernetProgress(step=100, steps=400, loss=2.25, seconds=10.0, accuracies=accuracies))
        shown = [line.strip("│ ") for line in frame(live, width).splitlines()]
    assert set(shown[1]) <= set("━╸╺")
    assert shown[2:4] == [
        "step 100 of 400, loss 2.250, 10.0 s, about 30 s left",
        "on calibrate: smallest 40.0% / 50.0%; largest 60.0% / 70.0%",
    ]


def test_the_front_of_a_narrow_terminal_has_whole_keys(
    screen: io.StringIO, tiny_search: tuple[Path, Any], evaluation: Evaluation
) -> None:
    console = Console(file=screen, force_terminal=True, width=50, color_system=None)
    LiveView(console).finished(tiny_search[0], None)
    assert "do not fit here" in screen.getvalue()
    assert "…" not in screen.getvalue()


@pytest.fixture
def cut(tmp_path: Path, tiny_search: tuple[Path, Any]) -> Path:
    """A run that the time limit stopped in its last generation."""
    shutil.copytree(tiny_search[0], tmp_path / "cut")
    store = RunStore(tmp_path / "cut")
    store.rewrite_config(load(store.path / "config.yaml", ["search.max_minutes=0.1"]))
    store.put_generation(2, {**list(store.generations())[-1], "is_complete": False})
    store.put_metadata("out_of_time", True)
    store.put_metadata("elapsed_seconds", 5.0)  # whatever this machine took
    store.close()
    return store.path


def test_the_end_of_a_search_says_that_its_time_was_up(
    cut: Path, capsys: pytest.CaptureFixture[str], live: LiveView, screen: io.StringIO
) -> None:
    output = (
        "The time is up (search.max_minutes: 0.1); generation 2 of 2 was stopped in its middle. "
        f"Continue: aebnas resume {cut} --set search.max_minutes=0.2\n"
    )
    live.finished(cut, None)
    PlainView().finished(cut, None)
    assert output in screen.getvalue()
    assert output in capsys.readouterr().out


def test_the_end_of_a_search_that_had_time_says_nothing_of_it(tiny_search: tuple[Path, Any]) -> None:
    assert "The time is up" not in tiny_search[1].out


def test_failures_and_lost_workers_stay_above_the_panel(
    live: LiveView, screen: io.StringIO, failed: Evaluation
) -> None:
    with live:
        live(STARTED)
        live(WorkerLost("abc", "killed by signal 9", retry=True))
        live(CandidateFinished(failed, cached=False, busy=0))
    assert "abc  its worker was lost: killed by signal 9; tried again" in screen.getvalue()
    assert f"{failed.key}  failed: loss is not finite [step 3]" in screen.getvalue()


@pytest.mark.parametrize(("workers", "words"), [(0, "0 workers"), (1, "1 worker"), (3, "3 workers")])
def test_a_cluster_that_changes_reaches_every_view(
    capsys: pytest.CaptureFixture[str], live: LiveView, screen: io.StringIO, workers: int, words: str
) -> None:
    with live:
        live(STARTED)
        live(WorkersStarted(2))
        live(WorkersChanged(workers))
        assert f"0 of {workers} busy" in frame(live)
    assert f"the cluster has changed: it has room for {words}\n" in screen.getvalue()
    PlainView()(WorkersChanged(workers))
    JsonLines()(WorkersChanged(workers))
    plain, line = capsys.readouterr().out.splitlines()
    assert plain == f"the cluster has changed: it has room for {words}"
    assert json.loads(line) == {"event": "workers_changed", "count": workers}


def test_plain_lines_name_a_failure_with_its_reason(
    capsys: pytest.CaptureFixture[str], failed: Evaluation
) -> None:
    view = PlainView()
    view(STARTED)
    view(CandidateFinished(failed, cached=False, busy=0))
    assert f"{failed.key}  failed: loss is not finite [step 3]  [1 of 18" in capsys.readouterr().out


def test_a_warning_reaches_every_view(
    capsys: pytest.CaptureFixture[str], live: LiveView, screen: io.StringIO
) -> None:
    with live:
        live(STARTED)
        live(Warned("another processor"))
    for view in (PlainView(), JsonLines()):
        view(Warned("another processor"))
    plain = capsys.readouterr().out
    assert "another processor" in screen.getvalue()
    assert "warning: another processor\n" in plain
    assert '{"event": "warned", "text": "another processor"}\n' in plain


def test_json_lines_hold_null_for_what_is_not_finite(
    capsys: pytest.CaptureFixture[str], evaluation: Evaluation
) -> None:
    JsonLines()(CandidateFinished(replace(evaluation, seconds=math.nan), cached=False, busy=0))
    assert json.loads(capsys.readouterr().out)["seconds"] is None


def test_a_failed_candidate_has_no_metrics_in_json(
    capsys: pytest.CaptureFixture[str], failed: Evaluation
) -> None:
    JsonLines()(CandidateFinished(failed, cached=False, busy=0))
    line = json.loads(capsys.readouterr().out)
    assert line["metrics"] is None
    assert (line["status"], line["message"]) == (failed.status, failed.message)


@pytest.mark.parametrize(("json_wanted", "kind"), [(True, JsonLines), (False, PlainView)])
def test_a_pipe_gets_no_live_panel(json_wanted: bool, kind: Callable[[], Any]) -> None:
    assert type(make_view(json_wanted)) is kind


def test_an_interruption_tells_the_command_with_its_path_quoted() -> None:
    output = interruption(Path("my runs/x"), 3)
    assert "3 candidates are kept. Continue: aebnas resume 'my runs/x'" in output
    assert "nothing was written" in interruption(Path("x"), None)
