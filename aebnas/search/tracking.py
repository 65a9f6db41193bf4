"""Following a search elsewhere: TensorBoard, MLflow, anything that takes numbers.

A listener is any function of one event (``aebnas.search.events``); ``together`` joins several.

    with aebnas.tensorboard("runs/tb") as log:
        aebnas.run_search(file, listener=aebnas.together(log, print))

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aebnas.evaluation.record import Evaluation
from aebnas.files.event_file import EventFile
from aebnas.search.events import CandidateFinished, Event, Generation, Listener, SupernetProgress

Numbers = Callable[[Mapping[str, float], int], None]
"""Takes named numbers and the step they belong to."""


def together(*listeners: Listener) -> Listener:
    """Return a listener that tells several, in order."""

    def listen(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return listen


def numbers_to(log: Numbers) -> Listener:
    """Return a listener that hands on what a search measures, as numbers.

    Of every finished candidate, step = trainings so far: ``candidate/accuracy`` (its best on select),
    ``candidate/macs`` (to its last exit), ``candidate/params``, ``candidate/seconds``, ``failed``.  Of every
    generation: ``front/hypervolume``, ``front/points``, ``front/best_accuracy``, ``front/lowest_macs``.  Of a
    supernet in training, by its own steps: ``supernet/loss`` and, now and then, ``supernet/smallest``,
    ``supernet/middle`` and ``supernet/largest``, accuracies of last exits on calibrate.

    Args:
        log: ``mlflow.log_metrics``, for one, is such a function.
    """
    finished, failed = 0, 0

    def listen(event: Event) -> None:
        nonlocal finished, failed
        if isinstance(event, SupernetProgress):
            looks = (event.accuracies or {}).items()
            log(
                {"supernet/loss": event.loss} | {f"supernet/{k}": exits[-1] for k, exits in looks}, event.step
            )
        if isinstance(event, CandidateFinished):
            finished, failed = finished + 1, failed + (not event.evaluation.is_done)
            log({"failed": float(failed)} | _of_candidate(event.evaluation), finished)
        if isinstance(event, Generation):
            numbers = {"front/hypervolume": event.hypervolume, "front/points": float(len(event.front))}
            if event.front:
                numbers["front/best_accuracy"] = max(point.metrics["accuracy"] for point in event.front)
                numbers["front/lowest_macs"] = min(point.metrics["macs"] for point in event.front)
            log(numbers, event.trainings + sum(len(final.trained) for final in event.finals))

    return listen


def _of_candidate(evaluation: Evaluation) -> dict[str, float]:
    if evaluation.curve is None:
        return {}
    return {
        "candidate/accuracy": float(evaluation.curve.select_accuracy.max()),
        "candidate/macs": float(evaluation.reach_macs[-1]),
        "candidate/params": float(evaluation.params),
        "candidate/seconds": evaluation.seconds,
    }


@contextmanager
def tensorboard(folder: str | Path) -> Iterator[Listener]:
    """Yield a listener that writes a TensorBoard event file into a folder.

    Raises:
        OSError: From the listener: the file cannot be written.
    """
    yield numbers_to(EventFile(Path(folder)).append)
