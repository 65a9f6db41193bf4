"""What a run's store says of what its candidates went through.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aebnas.evaluation.record import Evaluation
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.store.artefacts import step_name
from aebnas.runs.store.store import RunStore


def failed_finals(filed: Iterable[Evaluation], finals: Sequence[FinalTraining]) -> tuple[Evaluation, ...]:
    """Return the final trainings that failed: their candidates count with what they were before.

    Args:
        filed: All that a run holds.
        finals: Of its last summary.
    """
    failed = {(key, training.fidelity) for training in finals for key in training.failed}
    return tuple(evaluation for evaluation in filed if (evaluation.key, evaluation.fidelity) in failed)


def ended_steps(
    store: RunStore, filed: Iterable[Evaluation]
) -> tuple[dict[str, Evaluation], list[tuple[str, str]]]:
    """Return what came of every step of a candidate, by the name of its attempts, and when each ended."""
    return {
        step_name(evaluation.key, evaluation.fidelity): evaluation for evaluation in filed
    }, store.finished()
