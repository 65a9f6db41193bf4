"""A search as JSON lines: one object per event, nothing else on standard output.

Every object has ``event``; the others are, by event:

    search_started      run, generations, planned (trainings at most), max_trainings, max_minutes, known,
                        finals (of those planned, trainings of the best in the end), spent_seconds (of
                        earlier sessions), are_trainings (whether candidates are trained as whole
                        networks; else most are scored from weights or answers that are there)
    warned              text
    supernet_progress   step, steps, loss, seconds, accuracies (null, or those of smallest, middle and largest
                        network on calibrate, by exit)
    supernet_ready      path, origin ("trained", "known" or the path of the file that was copied), record (how
                        its training went: seconds, device, processor, processes, is_mixed, loss, steps,
                        accuracies, looked_at)
    workers_started     count
    workers_changed     count (nodes of the cluster were lost or have joined)
    candidate_started   key, busy
    candidate_finished  key, status ("done", "failed", or of the machine "out_of_memory", "worker_died",
                        "too_slow", "broken_device"), message (why it failed), cached, busy, seconds,
                        epochs, fidelity, reach_macs (to leave at each exit), params, peak_activation_bytes,
                        metrics (of the most accurate operating point, scored on select; null if failed),
                        target (with a target in exits: is_met, shortfall, best, violation, text ...;
                        else null)
    finals_chosen       candidates (the best of a search, trained further in its end), unknown (to be trained
                        now), epochs, fidelity (at which they stand)
    fidelity_finished   where a share of each generation goes on: number (from 1), fidelities, epochs,
                        candidates, going_on
    worker_lost         key, reason, retry
    generation          number (from 1), proposed, trainings, failed, hypervolume,
                        front ([{key, budget_fraction, setting, metrics}]; setting: of the exit policy,
                        "" where it is no gene), is_complete, surrogate (how it did: is_on,
                        reason, models, fold_tau, tau, bias, coverage, gains, chance,
                        predictions ...; or null),
                        finals (empty; or, where the last one is told again, of each final training: fidelity,
                        epochs, chosen, trained and failed: keys, hold_front: whether the trained ones alone
                        hold the front), full_trainings (what trainings are worth where a share goes on; or
                        null), reached (there, the fidelity of each candidate by key)
    interrupted         run, kept (null: no run was made, or a supernet alone), supernet (null; or, of one
                        that is half trained: step, steps), resume (the command that continues, or null)
    finished            run, report (path of the page, or null), exits_gain (the front against static
                        networks: text; metric, the cost; at_equal_cost and at_equal_accuracy: key,
                        budget_fraction, accuracy, cost, difference (share of right answers on select),
                        interval (95%, or null), static (what it is held against, with the share of
                        images); saving (cost at equal accuracy as a share); static: networks without exits,
                        cut short or cascades that no other one beats: kind, keys, exit, accuracy, costs;
                        or null)

``metrics`` has every metric by its name, as ``METRICS`` (``aebnas/task/metrics/table.py``) lists them.  A
number that is not finite is null.  Times are in seconds.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from aebnas.cli.views.views import supernet_steps
from aebnas.report.page.markup import finite
from aebnas.report.text.static_text import plain_comparison
from aebnas.runs.frame import load_run
from aebnas.search.events import CandidateFinished, Event


class JsonLines:
    """Writes each event as one line; see the module for the fields."""

    def __enter__(self) -> JsonLines:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: Event) -> None:
        """Write one event."""
        fields = _finished(event) if isinstance(event, CandidateFinished) else asdict(event)
        write({"event": _snake_case(type(event).__name__), **fields})

    def status(self, text: str) -> None:
        """Stay silent."""

    def interrupted(self, path: Path, kept: int | None, command: str | None = None) -> None:
        """Write the last object of an interrupted search, or training of a supernet."""
        resume = None if kept is None else f"aebnas resume {shlex.quote(str(path))}"
        steps = supernet_steps(path)
        supernet = None if steps is None else dict(zip(("step", "steps"), steps, strict=True))
        interrupted = {"run": str(path), "kept": kept, "supernet": supernet, "resume": command or resume}
        write({"event": "interrupted", **interrupted})

    def finished(self, path: Path, page: Path | None) -> None:
        """Write the last object of a finished search."""
        gain = plain_comparison(load_run(path).exits_gain())
        report = None if page is None else str(page)
        write({"event": "finished", "run": str(path), "report": report, "exits_gain": gain})


def write(record: dict[str, Any]) -> None:
    """Write one object as one line, at once."""
    sys.stdout.write(json.dumps(finite(record), allow_nan=False) + "\n")
    sys.stdout.flush()


def _finished(event: CandidateFinished) -> dict[str, Any]:
    evaluation = event.evaluation
    return {
        "key": evaluation.key,
        "status": evaluation.status,
        "message": evaluation.message,
        "cached": event.cached,
        "busy": event.busy,
        "seconds": evaluation.seconds,
        "epochs": evaluation.epochs,
        "fidelity": evaluation.fidelity,
        "reach_macs": evaluation.reach_macs,
        "params": evaluation.params,
        "peak_activation_bytes": evaluation.peak_activation_bytes,
        "metrics": evaluation.metrics(1.0) if evaluation.is_done else None,
        "target": evaluation.target_check,
    }


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
