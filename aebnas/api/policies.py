"""Exit policies without a run, for logits of any network.  Must not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from aebnas.exits.policies.family import PolicyFamily
    from aebnas.exits.targets import FittedPolicy

from aebnas.errors import DataError


def fit_policy(
    logits: ArrayLike,
    labels: ArrayLike,
    reach_cost: ArrayLike,
    policy: str | PolicyFamily = "confidence",
    *,
    max_cost: float | None = None,
    min_accuracy: float | None = None,
    max_harm: float | None = None,
    confidence: float | None = 0.9,
) -> FittedPolicy:
    """Decide when samples leave a network early, from its logits on calibration samples.

    Exactly one of ``max_cost``, ``min_accuracy`` and ``max_harm`` says what is asked for.

    Args:
        logits: Of every exit, ``(samples, exits, classes)``, from any framework.
        labels: The right classes, ``(samples,)``, 0 to classes - 1.
        reach_cost: Cost of leaving at each exit, heads tried on the way included, ``(exits,)``, increasing,
            in any unit.
        policy: Name of a family (confidence, entropy, margin, patience, pcee, pcee_ws, eero, jei, eenet,
            window), or a ``PolicyFamily``.
        max_cost: The best accuracy with a mean cost of at most this, in the unit of ``reach_cost``.
        min_accuracy: The lowest mean cost with at least this share of right answers, 0 to 1.
        max_harm: The lowest mean cost at which at most this share of samples, 0 to 1, is answered wrongly
            early where the last exit is right; a promise, tested on samples that built no policy.
        confidence: Of that promise, over calibration sets; None: it holds in expectation.

    Returns:
        ``policy``: ``decide(logits)`` says at which exit each sample leaves, ``to_dict()`` are plain values;
        ``target_check``: was it reached, by how much was it missed; ``target_check.text()`` says so.

    Raises:
        ShapeError: The arrays do not fit together.
        DataError: A logit is not finite, a label is no class, the cost is not increasing, the family is
            unknown, or not exactly one target is given.

    Example:
        >>> fitted = aebnas.fit_policy(logits, labels, [1.0, 2.0, 3.0], max_harm=0.05)
        >>> print(fitted.target_check.text())
        harm <= 5.00% with confidence 90%: reached on the calibration samples (...)
    """
    from aebnas.exits.core.samples import ExitSamples
    from aebnas.exits.policies.families import family_named
    from aebnas.exits.targets import Accuracy, Budget, Guarantee, Target

    targets: list[Target] = []
    if max_cost is not None:
        targets.append(Budget(max_cost))
    if min_accuracy is not None:
        targets.append(Accuracy(min_accuracy))
    if max_harm is not None:
        targets.append(Guarantee(max_harm, confidence))
    if len(targets) != 1:
        raise DataError(f"give exactly one of max_cost, min_accuracy and max_harm: {len(targets)} are given")
    family = family_named(policy) if isinstance(policy, str) else policy
    return targets[0].fit(family, ExitSamples.of(logits, labels, reach_cost))
