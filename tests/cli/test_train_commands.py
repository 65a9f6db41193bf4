"""``aebnas train`` and ``aebnas evaluate`` on a run of the command line."""

import io
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aebnas.cli.views import training_views
from aebnas.report.files.winners import load_winner
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.train.full.checkpoint import read_checkpoint
from aebnas.train.full.events import EpochEnded, FinalEvent, NetworkSelected
from aebnas.train.full.winner_training import TrainingOptions, plan_of, train_winner
from aebnas.train.select.selected_network import select_network

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def run(
    tiny_search: tuple[Path, Any], run_command: Command, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run whose networks all have an early exit."""
    runs = tmp_path_factory.mktemp("runs")
    settings = ["--set", "space.exits.optional=false", "--set", "search.max_trainings=4"]
    answer = run_command("search", tiny_search[0].parents[1] / "tiny.yaml", "--runs", runs, *settings)
    assert answer.code == 0, answer.err
    return runs / "tiny"


@pytest.fixture(scope="module")
def trained(run: Path, run_command: Command) -> tuple[Path, Any]:
    """A network trained by the command, and what it printed."""
    answer = run_command("train", run, "--pick", "best", "--static", "--device", "cpu")
    assert answer.code == 0, answer.err
    (folder,) = (run / "trained").iterdir()
    return folder, answer


def front_keys(run: Path) -> list[str]:
    store = RunStore(run)
    try:
        return list(read_run(store).front_keys)
    finally:
        store.close()


def test_the_network_lies_in_the_run_under_its_key_beside_its_twin(trained: tuple[Path, Any]) -> None:
    folder, answer = trained
    assert read_checkpoint(folder).key == folder.name
    assert not read_checkpoint(folder).is_static
    assert read_checkpoint(folder / "static").is_static
    assert answer.out.splitlines()[-1] == f"Score it on the test images: aebnas evaluate {folder}"


def test_it_trains_three_times_the_epochs_of_the_search(trained: tuple[Path, Any]) -> None:
    assert read_checkpoint(trained[0]).training.epochs == 3
    assert trained[1].out.count("epoch 3 of 3: loss") == 2


def test_a_winner_file_names_the_same_network(run: Path, run_command: Command, tmp_path: Path) -> None:
    path = run / "winners" / f"{front_keys(run)[0]}.yaml"
    answer = run_command("train", path, "--epochs", "1", "-o", tmp_path / "winner", "--device", "cpu")
    assert answer.code == 0, answer.err
    assert read_checkpoint(tmp_path / "winner").key == load_winner(path).key
    assert read_checkpoint(tmp_path / "winner").run == str(run)


def test_a_student_learns_from_the_largest_network_which_is_trained_once(
    run: Path, run_command: Command, tmp_path: Path
) -> None:
    words = ["--distill", "--distill-share", "0.3", "--epochs", "1", "--device", "cpu", "--json"]
    first = run_command("train", run, *words, "-o", tmp_path / "one")
    assert first.code == 0, first.err
    second = run_command("train", run, *words, "--budget-fraction", "0.9", "-o", tmp_path / "two")
    assert [e["was_known"] for e in events(second) if e["event"] == "network_trained"] == [True, False]
    teacher = read_checkpoint(tmp_path / "one").teacher
    assert teacher is not None
    assert teacher.share == 0.3
    (folder,) = tmp_path.glob("teacher-*")
    assert read_checkpoint(folder).key == teacher.key


TEACHER = """
from torch import nn


def pooled():
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 10))
"""


def test_a_network_of_code_beside_the_run_teaches(
    run: Path, run_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_teacher.py").write_text(TEACHER)
    words = ["train", run, "--epochs", "1", "--device", "cpu", "-o", tmp_path / "student"]
    answer = run_command(*words, "--teacher", "my_teacher:pooled")
    assert answer.code == 0, answer.err
    teacher = read_checkpoint(tmp_path / "student").teacher
    assert teacher is not None
    assert teacher.name == "my_teacher:pooled"
    both = run_command(*words, "--teacher", "my_teacher:pooled", "--distill")
    assert both.code == 2
    assert "not allowed with argument" in both.err


def events(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.out.splitlines()]


def test_json_lines_name_every_event_in_order(run: Path, run_command: Command, tmp_path: Path) -> None:
    words = ["--epochs", "2", "-o", tmp_path / "json", "--json", "--device", "cpu"]
    found = events(run_command("train", run, *words))
    assert [event["event"] for event in found] == [
        "network_selected", "training_began", "epoch_ended", "epoch_ended", "network_trained", "finished",
    ]  # fmt: skip


def test_an_interruption_exits_with_130_and_the_same_command_continues(
    run: Path, run_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", run, "--epochs", "3", "-o", tmp_path / "cut", "--json", "--device", "cpu"]
    with monkeypatch.context() as patched:
        patched.setattr(training_views, "JsonTraining", Interrupting)
        cut = run_command(*words)
    assert cut.code == 130
    assert events(cut)[-1]["event"] == "interrupted"
    assert events(cut)[-1]["resume"] == shlex.join(["aebnas", *map(str, words)])
    again = events(run_command(*words))
    assert next(event["epochs_done"] for event in again if event["event"] == "training_began") == 1


class Interrupting(training_views.JsonTraining):
    """Presses Ctrl-C behind the first epoch."""

    def __call__(self, event: FinalEvent) -> None:
        super().__call__(event)
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt


def test_a_terminal_shows_a_bar_and_keeps_what_was_said(run: Path, tmp_path: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    selected = select_network(run, "best")
    with training_views.BarTraining(console) as view:
        view(NetworkSelected(selected))
        plan = plan_of(selected, ["training.epochs=2"], "cpu")
        train_winner(plan, TrainingOptions(folder=tmp_path / "bar"), view)
        view.finished(tmp_path / "bar")
    assert "2/2" in screen.getvalue()
    assert "Score it on the test images: aebnas evaluate" in screen.getvalue()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--pick", "bets"], 2, "Did you mean 'best'?"),
        (["--pick", "mac:3e6"], 2, "unknown quantity 'mac'. Did you mean 'macs'?"),
        (["--pick", "macs:much"], 2, "the bound must be a number above 0"),
        (["--pick", "macs:1"], 4, "the least is"),
        (["--pick", "0123456789abcdef"], 4, "has no network 0123456789abcdef"),
        (["--point", "99"], 2, "counted from 1 by rising cost"),
        (["--set", "training.epoch=3"], 2, "Did you mean 'epochs'?"),
        (["--set", "traning.epochs=3"], 2, "Did you mean 'training'?"),
        (["--set", "exits.latency_ms=3"], 2, "latency_ms"),
        (["--epochs", "3", "--set", "training.epochs=4"], 2, "give one of them"),
        (["--budget-fraction", "1.5"], 2, "must be > 0 and <= 1"),
        (["--device", "gpu"], 2, "must be cpu, cuda or cuda:N"),
    ],
)
def test_a_wrong_option_is_told_with_what_is_valid(
    run: Path, run_command: Command, words: list[str], code: int, message: str
) -> None:
    answer = run_command("train", run, *words)
    assert (answer.code, message in answer.err) == (code, True), answer.err


def test_a_key_may_be_cut_short_and_its_point_chosen(run: Path, run_command: Command, tmp_path: Path) -> None:
    key = front_keys(run)[0]
    words = ["--pick", key[:6], "--point", "1", "--epochs", "1", "-o", tmp_path / "key", "--device", "cpu"]
    assert run_command("train", run, *words).code == 0
    assert read_checkpoint(tmp_path / "key").key == key


def test_evaluate_shows_every_exit_the_policy_and_the_static_twin(
    trained: tuple[Path, Any], run_command: Command
) -> None:
    answer = run_command("evaluate", trained[0], "--images", "50")
    assert answer.code == 0, answer.err
    for words in (
        "test images",
        "final classifier",
        "policy",
        "without early exits",
        "paired",
        "best static",
    ):
        assert words in answer.out
    assert (trained[0] / "evaluation.json").is_file()


def test_evaluate_as_json_is_what_the_file_says(trained: tuple[Path, Any], run_command: Command) -> None:
    answer = run_command("evaluate", trained[0], "--images", "0", "--json")
    assert json.loads(answer.out) == json.loads((trained[0] / "evaluation.json").read_text())


def test_evaluate_without_a_checkpoint_says_how_to_get_one(tmp_path: Path, run_command: Command) -> None:
    answer = run_command("evaluate", tmp_path)
    assert answer.code == 4
    assert "aebnas train" in answer.err


def test_a_network_without_early_exits_is_its_own_twin(
    tiny_search: tuple[Path, Any], run_command: Command, tmp_path: Path
) -> None:
    store = RunStore(tiny_search[0])
    static = [one.key for one in store.evaluations() if not one.architecture.exits]
    store.close()
    words = ["--pick", static[0], "--static", "--epochs", "1", "-o", tmp_path / "plain", "--device", "cpu"]
    assert run_command("train", tiny_search[0], *words).code == 0
    assert not (tmp_path / "plain" / "static").exists()
    answer = run_command("evaluate", tmp_path / "plain", "--images", "0")
    assert "it has no early exits itself" in answer.out


def test_a_network_is_compared_with_the_best_static_one_as_the_search_trained_it(
    tiny_search: tuple[Path, Any], run_command: Command, tmp_path: Path
) -> None:
    store = RunStore(tiny_search[0])
    found = [one for one in store.evaluations() if not one.architecture.exits]
    store.close()
    poorest, *_, best = sorted(found, key=lambda one: one.metrics(1.0)["accuracy"])
    words = ["--pick", poorest.key, "--epochs", "1", "-o", tmp_path / "plain", "--device", "cpu"]
    assert run_command("train", tiny_search[0], *words).code == 0
    (baseline,) = json.loads(run_command("evaluate", tmp_path / "plain", "--json").out)["baselines"]
    assert (baseline["key"], baseline["name"]) == (best.key, "best static network of the run")
    assert baseline["note"] == "as the search trained it: 1 epoch on train alone"


def test_a_run_of_other_data_has_no_baseline(
    tiny_search: tuple[Path, Any], run_command: Command, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(tiny_search[0], tmp_path / "run"))
    folder = run / "trained" / "plain"
    assert run_command("train", run, "--epochs", "1", "-o", folder, "--device", "cpu").code == 0
    store = RunStore(run)
    store.put_metadata("data", "0" * 64)
    store.close()
    found = json.loads(run_command("evaluate", folder, "--images", "0", "--json").out)
    assert found["baselines"] == []
    assert "it may have seen these test images" in str(found["missing"])
