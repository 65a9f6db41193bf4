"""Whatever a command shows, on a terminal of any width: its numbers are whole or absent."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hardware.synthetic_profiles import layers_of, profile_of, written
from rich.console import Console
from rich.text import Text

from aebnas.cli.views import consoles, description, exports, plain, profiles
from aebnas.cli.views.live import LiveView
from aebnas.cli.views.plain import PlainView
from aebnas.cli.views.progress import Progress
from aebnas.cli.views.training_views import BarTraining
from aebnas.evaluation.record import Evaluation
from aebnas.hardware.profile.profile_schema import Agreement
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.store.store import RunStore
from aebnas.search.events import (
    CandidateFinished,
    FidelityFinished,
    FinalsChosen,
    Generation,
    SearchStarted,
    SupernetProgress,
    SurrogateStatus,
    Warned,
    WorkerLost,
    WorkersStarted,
)
from aebnas.terminal.bars import FittedProgress, received
from aebnas.terminal.fitting import cells
from aebnas.train.full.events import EpochEnded, NetworkTrained, TrainingBegan, TrialEnded, TuningBegan

Command = Callable[..., Any]
WIDTHS = range(30, 121)
NUMBER = re.compile(r"\d[\d.,]*(?:e[-+]?\d+)?%?")


class Recorder(Console):
    """Keeps what is printed, to print it again on terminals of other widths."""

    def __init__(self, *_: Any, **options: Any) -> None:
        super().__init__(file=io.StringIO(), width=1000, markup=False, highlight=False, **options)
        self.printed: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def print(self, *things: Any, **how: Any) -> None:
        self.printed.append((things, how))


def terminal(width: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=50, force_terminal=True, color_system=None,
        legacy_windows=False, markup=False, highlight=False,
    )  # fmt: skip


def text_of(console: Console) -> str:
    return Text.from_ansi(console.file.getvalue()).plain  # type: ignore[attr-defined]


def numbers(text: str) -> set[str]:
    return {number.rstrip(".,") for number in NUMBER.findall(text)}


def check_widths(draw: Callable[[Console], None]) -> None:
    """Draw on terminals of every width: no number is there that is not on an endless one."""
    endless = terminal(2000)
    draw(endless)
    every = numbers(text_of(endless))
    assert every
    for width in WIDTHS:
        console = terminal(width)
        draw(console)
        text = text_of(console)
        cut = numbers(text) - every
        assert not cut, f"{width}: {cut}\n{text}"


def again(printed: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]) -> Callable[[Console], None]:
    def draw(console: Console) -> None:
        for things, how in printed:
            console.print(*things, **how)

    return draw


@pytest.fixture(scope="module", autouse=True)
def board(place: Path) -> None:
    """A profile of the run's space, in its folder."""
    written(place, profile_of(layers_of(place / "tiny.yaml")))


PRINTING: dict[str, tuple[Any, str, list[str]]] = {
    "check": (description, "Console", ["check", "tiny.yaml", "--samples", "20"]),
    "check with limits": (
        description,
        "Console",
        ["check", "tiny.yaml", "--samples", "20", "--set", "constraints={worst_macs: {max: 2e4, min: 10}}"],
    ),
    "rescore": (consoles, "results_console", ["rescore", "runs/tiny", "--hardware", "board.yaml"]),
    "exits": (consoles, "results_console", ["exits", "runs/tiny"]),
    "devices": (consoles, "results_console", ["devices"]),
    "bench": (exports, "results_console", ["bench", "model", "--rounds", "1"]),
    "export": (exports, "results_console", ["export", "checkpoint", "again", "--int8"]),
    "evaluate": (consoles, "results_console", ["evaluate", "checkpoint", "--images", "10"]),
    "resume": (plain, "Console", ["resume", "runs/tiny"]),
}


@pytest.mark.parametrize("name", PRINTING)
def test_a_command_cuts_no_number(
    name: str, place: Path, run_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    module, console, words = PRINTING[name]
    recorder = Recorder()
    monkeypatch.setattr(module, console, lambda *_, **__: recorder)
    answer = run_command(*words)
    assert answer.code == 0, answer.err
    assert recorder.printed
    check_widths(again(recorder.printed))


def test_the_table_of_a_profile_cuts_no_number() -> None:
    rows = [
        Agreement(
            exit=exit_, networks=1234, mape=0.12345, bias=-0.02, tau=0.987, noise_mape=0.01, noise_tau=0.99,
            macs_tau=None if exit_ == 1 else 0.9,
        )
        for exit_ in (1, 2, "all")
    ]  # fmt: skip
    table = profiles.agreement_table("cifar10-3: networks that the fit has not seen", rows)
    check_widths(lambda console: console.print(table, soft_wrap=False))


@pytest.fixture(scope="module")
def evaluation(place: Path) -> Evaluation:
    return RunStore(place / "runs" / "tiny").evaluations()[0]


def events(evaluation: Evaluation) -> Iterator[Any]:
    """Everything that a search can tell."""
    yield SearchStarted(
        "runs/cifar10-1234567", 123, 12345, None, None, known=7, finals=17, are_trainings=False
    )
    yield SupernetProgress(1, 400, 3.25, 0.5)
    yield SupernetProgress(123456, 400000, 2.125, 12.5, {"smallest": [0.4125, 0.525], "largest": [0.6, 0.75]})
    yield WorkersStarted(12)
    yield Warned("the processor is another one: 4567 MHz, 12 cores, where the run began with 3456 MHz")
    yield CandidateFinished(evaluation, cached=False, busy=11)
    yield CandidateFinished(evaluation.failed("loss is 12345.678"), cached=False, busy=11)
    yield FidelityFinished(1, 3, 5, 12345, 4321)
    yield WorkerLost("0123456789abcdef", "killed by signal 9 after 1234.5 s", retry=True)
    status = SurrogateStatus(True, "", {}, {}, 0.93125, 25, None, None, {}, None, ())
    keys = (evaluation.key,) * 3
    finals = (FinalTraining("inherited-trained123", 123, 17, keys, keys[:1]),)
    yield Generation(12, (evaluation.key,), 12345, 67, 0.43215, surrogate=status, finals=finals)
    yield FinalsChosen(candidates=17, unknown=12, epochs=123, fidelity="inherited")


@pytest.mark.parametrize("until", range(3, 14))
def test_the_live_panel_cuts_no_number(until: int, evaluation: Evaluation) -> None:
    def draw(console: Console) -> None:
        view = LiveView(console)
        view._progress = Progress(lambda: 0.0)
        view._live.start = lambda refresh=False: None  # type: ignore[method-assign]
        output = list(events(evaluation))
        for event in output[:until]:
            if not isinstance(event, SupernetProgress) or until == 3:
                view(event)
        console.print(view._panel())
        if console.width <= WIDTHS[-1]:
            assert all(cells(line) <= console.width for line in text_of(console).splitlines())

    check_widths(draw)


def test_the_end_of_a_live_view_cuts_no_number(place: Path) -> None:
    recorder = Recorder()
    LiveView(recorder).finished(place / "runs" / "tiny", None)
    check_widths(again(recorder.printed))


def test_the_bars_of_a_training_cut_no_number() -> None:
    began = TrainingBegan(
        "network", "0123456789abcdef", Path("runs/x1/trained/0123"), 1200, 345, 12345, False
    )
    ended = EpochEnded("network", 1100, 1200, 1, 0.123456, 0.0321, 12.5, (0.9712, 0.9834))
    trained = NetworkTrained(
        "network", "0123456789abcdef", Path("x"), False, (0.97123, 0.98234), 0.98111, 1234567.0, "macs", None
    )
    trial = TrialEnded(7, 25, {"learning_rate": 0.12345, "batch_size": 128}, 0.97, 12)

    def draw(console: Console) -> None:
        view = BarTraining(console)
        view._bar.start = lambda: None  # type: ignore[method-assign]
        for event in (began, ended, trained, TuningBegan(25, 4, 3), trial):
            view(event)
        console.print(view._bar.get_renderable())

    check_widths(draw)


def test_the_bar_of_a_download_cuts_no_number() -> None:
    def draw(console: Console) -> None:
        bar = FittedProgress(console, received)
        bar.add_task("cifar-10-python.tar.gz", completed=12_345_678, total=170_498_071)
        console.print(bar.get_renderable())

    check_widths(draw)


def test_a_pipe_gets_the_front_with_whole_numbers(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PlainView().finished(place / "runs" / "tiny", None)
    assert "do not fit" not in capsys.readouterr().out
