"""Metrics of the answers that policies give, each sample's at the exit where it leaves.

Must not import torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from aebnas.exits.core.arrays import FloatArray, IntArray
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.task.metrics.inputs import Answers
from aebnas.task.metrics.metric import OfAnswers
from aebnas.task.metrics.values import value_of_answers


def answers_at(chosen: IntArray, samples: ExitSamples, with_logits: bool = False) -> Answers:
    """Return what was answered where each sample left at the given exit.

    Args:
        chosen: Exits from 0, shape ``(N,)``.
        samples: N samples.
        with_logits: Take the logits along.

    Raises:
        DataError: The logits were not kept.
    """
    rows = np.arange(len(samples))
    logits = samples.logits.values[rows, chosen] if with_logits else None
    return Answers(samples.labels, samples.logits.predictions[rows, chosen], chosen, logits)


def answer_metrics(
    policies: Sequence[ExitPolicy], samples: ExitSamples, metrics: Mapping[str, OfAnswers]
) -> dict[str, FloatArray]:
    """Return each metric of what each of P policies answers, shape ``(P,)``, by name.

    Raises:
        DataError: A metric needs logits that were not kept.
        CodeError: A metric from outside gave no finite number, or one out of its range.
    """
    if not metrics:
        return {}
    needs_logits = any(metric.needs_logits for metric in metrics.values())
    given = [answers_at(policy.decide(samples.logits), samples, needs_logits) for policy in policies]
    return {
        name: np.array([value_of_answers(metric, name, answers) for answers in given], np.float64)
        for name, metric in metrics.items()
    }
