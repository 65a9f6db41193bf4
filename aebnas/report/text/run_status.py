"""The status of a run in sentences: why its search is not at its end, and the command that goes on with it.

Must not import torch.
"""

from __future__ import annotations

import math
import shlex

from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count
from aebnas.runs.status import RunStatus


def open_ends(run: RunContents) -> list[str]:
    """Return why a search is not at its end, and that its top-k candidates are not trained."""
    resume = f"Continue it: {_resume(run)}"
    status, notes = run.metadata["status"], []
    if status == RunStatus.INTERRUPTED:
        notes.append(f"The search was interrupted before its end. {resume}")
    elif status == RunStatus.STOPPED:
        stopped = f"The search stopped: {run.metadata['stopped_by']}."
        notes.append(f"{stopped} {resume}" if _can_go_on(run) else stopped)
    elif status != RunStatus.FINISHED:
        notes.append(f"The search has not finished: it is running still, or it was killed. {resume}")
    elif _is_cut(run):
        notes.append(time_is_up(run))
    for training in run.finals:
        if training.left:
            of = f"{training.left:,} of {count(training.chosen, 'top-k candidate')}"
            notes.append(f"{of} {_are(training.left)} not trained yet, and count as {_before(run)}. {resume}")
    if run.plan.finals and run.generations and not run.finals:
        notes.append(
            f"The top-k candidates are not trained yet: all candidates count as {_before(run)}. {resume}"
        )
    return notes


def _before(run: RunContents) -> str:
    """Return the name of the top-k candidates' state before their final training."""
    return run.plan.fidelities[0].options.before


def _can_go_on(run: RunContents) -> bool:
    """Return whether resuming can help: a supernet that diverged would do so again."""
    return not (run.metadata["supernet"] or {}).get("diverged")


def time_is_up(run: RunContents) -> str:
    """Return how far a search came before ``search.max_minutes`` stopped it; empty where it did not."""
    if not _is_cut(run):
        return ""
    limit = f"search.max_minutes: {run.config.search.max_minutes:g}"
    return f"The time is up ({limit}); {_reached(run)}. Continue: {_resume(run)}"


def _is_cut(run: RunContents) -> bool:
    is_over = run.metadata["status"] == RunStatus.FINISHED and bool(run.metadata["out_of_time"])
    return is_over and run.config.search.max_minutes is not None and bool(run.generations)


def _reached(run: RunContents) -> str:
    last = run.generations[-1]
    where = f"generation {last['number']} of {run.config.search.generations}"
    if not last["is_complete"]:
        return f"{where} was stopped in its middle"
    if not run.finals:
        return f"the search ended after {where}"
    trained = len(run.finals[-1].trained)
    return f"{trained:,} of {count(run.finals[-1].chosen, 'top-k candidate')} {_are(trained)} trained"


def _resume(run: RunContents) -> str:
    """Return the command that resumes; where the time was up, with the same time once more."""
    limit, more = run.config.search.max_minutes, ""
    if limit is not None and _is_cut(run):
        spent = max(limit, (run.metadata["elapsed_seconds"] or 0.0) / 60)
        more = f" --set search.max_minutes={math.ceil(10 * (spent + limit)) / 10:g}"
    return f"aebnas resume {shlex.quote(str(run.path))}{more}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
