"""A search as plain lines, for pipes and log files."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console

from aebnas.cli.views.consoles import WIDTH
from aebnas.cli.views.front import print_front
from aebnas.cli.views.progress import Progress
from aebnas.cli.views.views import ending, interruption
from aebnas.evaluation.record import Evaluation
from aebnas.report.text.run_status import time_is_up
from aebnas.runs.formatting import count, duration, landmarks, percent, si
from aebnas.runs.frame import load_run
from aebnas.search.events import (
    CandidateFinished,
    Event,
    FeaturesProgress,
    FidelityFinished,
    FinalsChosen,
    Generation,
    Noted,
    SearchStarted,
    SupernetProgress,
    SupernetReady,
    SurrogateStatus,
    Warned,
    WorkerLost,
    WorkersChanged,
    WorkersStarted,
)


class PlainView:
    """One line per candidate and per generation."""

    def __init__(self) -> None:
        """Create a view that has seen no event yet."""
        self._progress = Progress()

    def __enter__(self) -> PlainView:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: Event) -> None:
        """Print one event, if it deserves a line."""
        self._progress(event)
        match event:
            case SearchStarted():
                _say(self._beginning(event))
            case Warned():
                _say(f"warning: {event.text}")
            case Noted():
                _say(event.text)
            case FeaturesProgress() if is_tenth(event):
                _say(features_progress(event))
            case SupernetProgress() if event.accuracies:
                _say(f"supernet: {supernet_progress(event)}, {landmarks(event.accuracies)}")
            case SupernetReady():
                _say(supernet_origin(event))
            case WorkersStarted():
                _say(f"{count(event.count, 'worker')} started")
            case WorkersChanged():
                _say(room(event))
            case CandidateFinished(evaluation, False):
                _say(f"  {candidate(evaluation)}  [{self._tally()}]")
            case FidelityFinished():
                _say(f"  {fidelity(event)}")
            case FinalsChosen():
                _say(finals(event))
            case WorkerLost():
                _say(f"  {lost(event)}")
            case Generation():
                _say(self._sentence(event))

    def status(self, text: str) -> None:
        """Print it as a line."""
        _say(f"{text} ...")

    def interrupted(self, path: Path, kept: int | None, command: str | None = None) -> None:
        """Say how to continue."""
        _say(interruption(path, kept, command))

    def finished(self, path: Path, page: Path | None) -> None:
        """Print the front, whether the time limit cut the search, and where the report lies."""
        loaded = load_run(path)
        run = loaded.contents
        print_front(Console(width=WIDTH, highlight=False, markup=False), run, loaded.exits_gain())
        if late := time_is_up(run):
            _say(late)
        _say(ending(path, page))

    def _beginning(self, event: SearchStarted) -> str:
        cached = f", {count(event.known, 'candidate')} known already" if event.known else ""
        generations = count(event.generations, "generation")
        return f"{event.run}: {generations}, at most {count(event.planned, self._progress.unit)}{cached}"

    def _tally(self) -> str:
        progress = self._progress
        left = time_left(progress)
        return f"{progress.finished} of {max(progress.planned, progress.finished)}" + (
            f", {left}" if left else ""
        )

    def _sentence(self, event: Generation) -> str:
        cached = self._progress.known_in_generation
        generations = self._progress.started.generations if self._progress.started else event.number
        best = self._progress.best_accuracy
        parts = [
            *([f"{cached} known already"] if cached else []),
            count(event.trainings, self._progress.unit) + worth(event),
            *([f"{event.failed} failed"] if event.failed else []),
            f"front of {count(len(event.front), 'point')}",
            *([] if best is None else [f"best accuracy {percent(best, 2)}"]),
            f"hypervolume {event.hypervolume:.4f}",
            *([] if event.surrogate is None else [f"surrogate {format_surrogate(event.surrogate)}"]),
        ]
        stopped = "" if event.is_complete else " (stopped in its middle)"
        when = f"generation {event.number} of {generations}"
        if event.finals:
            last = event.finals[-1]
            when = f"with {len(last.trained)} of {count(last.chosen, 'top-k candidate')} trained"
        return f"{when}{stopped}: {', '.join(parts)}"


def candidate(evaluation: Evaluation) -> str:
    """Return a finished candidate in one line: its most accurate operating point, or why it failed."""
    if not evaluation.is_done:
        return f"{evaluation.key}  {evaluation.status_text}"
    metrics = evaluation.metrics(1.0)
    return (
        f"{evaluation.key}  {percent(metrics['accuracy'], 2):>7} at {si(metrics['macs']):>6} MACs"
        f"  {duration(evaluation.seconds):>7}"
    )


def format_surrogate(status: SurrogateStatus) -> str:
    """Return whether the surrogate proposed, in one word, and the tau of its foresight where known."""
    tau = "" if status.tau is None else f" (tau {status.tau:.2f})"
    return f"{'on' if status.is_on else 'off'}{tau}"


def supernet_progress(event: SupernetProgress) -> str:
    """Return how far the training of a supernet is."""
    return f"step {event.step} of {event.steps}, loss {event.loss:.3f}, {duration(event.seconds)}"


def features_progress(event: FeaturesProgress) -> str:
    """Return how far the features of a given network are."""
    return f"features of {event.network}: {event.done} of {event.blocks} blocks, {duration(event.seconds)}"


def is_tenth(event: FeaturesProgress) -> bool:
    """Return whether another tenth of the features is there."""
    return event.done * 10 // event.blocks > (event.done - 1) * 10 // event.blocks


def supernet_origin(event: SupernetReady) -> str:
    """Return where the supernet lies and where it came from."""
    origin = {"trained": "trained", "known": "trained before"}.get(
        event.origin, f"copied from {event.origin}"
    )
    return f"supernet: {event.path}, {origin}"


def time_left(progress: Progress) -> str:
    """Return the time left and the step that follows; empty where neither is known."""
    left, behind = progress.seconds_left(), progress.finals_behind()
    about = f"about {whole(left)} left" if left else ""
    then = f"then {count(behind, 'top-k candidate')}" if behind else ""
    return ", ".join(part for part in (about, then) if part)


def whole(seconds: float) -> str:
    """Return an estimated time without pretended precision."""
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(seconds)


def worth(event: Generation) -> str:
    """Return the number of trainings counted in full ones; empty where all had the full length."""
    return "" if event.full_trainings is None else f" (worth {event.full_trainings:.1f} full ones)"


def fidelity(event: FidelityFinished) -> str:
    """Return a fidelity that a generation got to in one line."""
    trained = f"{count(event.candidates, 'candidate')} trained for {count(event.epochs, 'epoch')}"
    further = f", {event.going_on} go on" if event.number < event.fidelities else ""
    return f"fidelity {event.number} of {event.fidelities}: {trained}{further}"


def finals(event: FinalsChosen) -> str:
    """Return in one line which candidates are trained at the end of a search."""
    cached = event.candidates - event.unknown
    done = f", {cached} of them known already" if cached else ""
    each = count(event.epochs, "epoch")
    return f"top-k candidates: the best {count(event.candidates, 'candidate')} trained for {each}{done}"


def lost(event: WorkerLost) -> str:
    """Return the death of a worker in one line."""
    end = "tried again" if event.retry else "given up"
    return f"{event.key}  its worker was lost: {event.reason}; {end}"


def room(event: WorkersChanged) -> str:
    """Return how many workers a changed cluster holds in one line."""
    return f"the cluster has changed: it has room for {count(event.count, 'worker')}"


def _say(text: str) -> None:
    print(text, flush=True)
