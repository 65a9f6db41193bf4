"""Messages of searches that cannot go on.  Must not import torch."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from aebnas.errors import WorkerError
from aebnas.evaluation.record import Evaluation
from aebnas.search.workers.cluster.contract import ClusterLostError


def all_failed(run: Path, failed: Sequence[Evaluation]) -> WorkerError:
    """Return the end of a search whose whole first generation failed, with the commonest reason.

    Args:
        run: Its directory.
        failed: Its candidates, at least one.
    """
    reason, count = Counter(evaluation.status_text for evaluation in failed).most_common(1)[0]
    cure = ""
    if any(evaluation.is_machine_failure for evaluation in failed):
        path = shlex.quote(str(run))
        cure = f". When the cause is cured, try them again: aebnas resume {path} --retry-failures"
    return WorkerError(
        f"all {len(failed)} candidates of the first generation failed; {count} of them: {reason}{cure}"
    )


def cluster_lost(run: Path, kept: int, error: ClusterLostError) -> ClusterLostError:
    """Return the end of a search whose cluster is gone: what is kept, and the command that continues.

    Args:
        run: Its directory.
        kept: Evaluations that it holds.
        error: What was noticed.
    """
    what = "1 evaluation is" if kept == 1 else f"{kept} evaluations are"
    path = shlex.quote(str(run))
    return ClusterLostError(
        f"{error}\n{what} kept. Once Ray is up again: aebnas resume {path}\n"
        f"Without it: aebnas resume {path} --set workers.mode=serial"
    )
