"""Policies of one trained network side by side, on samples that none was fitted on.

Every family is fitted on one set of samples and scored on another.  Bands are bootstrap intervals
over the scoring samples, with policy and network held fixed: they tell the chance in which samples
were drawn, not the chance in fitting.  Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from aebnas.exits.core.arrays import FloatArray, IntArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.outcome import outcome_at, outcomes_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.quality.calibration import CalibrationReport, decision_calibration, exit_calibration
from aebnas.exits.quality.temperature import fit_temperatures, scaled
from aebnas.exits.targets import Budget

SHARES = (0.3, 0.5, 0.7)
"""Budgets that are compared, as shares of the full cost."""
CALIBRATED_AT = 0.5
"""Of them, the one whose decisions are judged by their calibration."""
_QUANTILES = (0.025, 0.975)
_RESAMPLES = 10_000
_MAX_POINTS = 60


@dataclass(frozen=True)
class BudgetPoint:
    """A family fitted to one budget, scored on other samples.

    Attributes:
        share: The budget, as a share of the full cost.
        accuracy: Share of right answers.
        low: Lower end of its 95% bootstrap interval.
        high: Upper end.
        gain_low: Lower end of the paired 95% interval of its accuracy minus the baseline's.
        gain_high: Upper end.
        cost: Mean cost as a share of the full cost; above ``share`` where the budget is missed.
        harm: Share of samples whose early answer is wrong and whose last exit's is right.
    """

    share: float
    accuracy: float
    low: float
    high: float
    gain_low: float
    gain_high: float
    cost: float
    harm: float


@dataclass(frozen=True)
class FamilyResult:
    """What one family reaches: at the budgets, and along its path of settings.

    Attributes:
        name: The family's.
        points: One per share of ``SHARES``.
        curve: ``(cost share, accuracy, low, high)`` of settings, by rising cost.
        decisions: Calibration of the answers given at ``CALIBRATED_AT``.
        scaled_decisions: The same answers with confidences after temperature scaling.
    """

    name: str
    points: tuple[BudgetPoint, ...]
    curve: tuple[tuple[float, float, float, float], ...]
    decisions: CalibrationReport
    scaled_decisions: CalibrationReport


@dataclass(frozen=True)
class ExitResult:
    """One exit's calibration, among all samples and among those that arrive under the baseline.

    Attributes:
        temperature: Fitted on the fitting samples.
        plain: Among all samples.
        scaled: The same after temperature scaling.
        arriving: Among those that arrive under the baseline at ``CALIBRATED_AT``, unscaled.
    """

    temperature: float
    plain: CalibrationReport
    scaled: CalibrationReport
    arriving: CalibrationReport


@dataclass(frozen=True)
class Comparison:
    """All families of one network, and how its exits are calibrated.

    Attributes:
        fitted_on: Number of samples that families and temperatures were fitted on.
        scored_on: Number of samples that every figure is counted on; disjoint.
        baseline: The family that gains are measured from.
        families: In the order asked for.
        exits: By position.
    """

    fitted_on: int
    scored_on: int
    baseline: str
    families: tuple[FamilyResult, ...]
    exits: tuple[ExitResult, ...]


def compare(families: Mapping[str, PolicyFamily], fitting: ExitSamples, scoring: ExitSamples) -> Comparison:
    """Fit every family on some samples and score it on others.

    Args:
        families: By name; the first is the baseline.
        fitting: Samples for policies and temperatures.
        scoring: Other samples.
    """
    temperatures = fit_temperatures(fitting)
    warmer = ExitSamples(
        ExitLogits(scaled(scoring.logits.values, temperatures)), scoring.labels, scoring.reach_cost
    )
    baseline = next(iter(families))
    results: list[FamilyResult] = []
    reference: dict[float, IntArray] = {}
    for name, family in families.items():
        path, at = _fitted(family, fitting)
        chosen = {share: policy.decide(scoring.logits) for share, policy in at.items()}
        reference = reference or chosen
        results.append(
            FamilyResult(
                name,
                tuple(_point(share, leaving, reference[share], scoring) for share, leaving in chosen.items()),
                _curve(path, scoring),
                decision_calibration(scoring, chosen[CALIBRATED_AT]),
                decision_calibration(warmer, chosen[CALIBRATED_AT]),
            )
        )
    exits = _exits(scoring, warmer, temperatures, reference[CALIBRATED_AT])
    return Comparison(len(fitting), len(scoring), baseline, tuple(results), exits)


def bootstrap_interval(accuracy: float, samples: int) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of a share of right answers.

    Resampling right and wrong answers draws from a binomial distribution: no resampling is needed.
    """
    low, high = binom.ppf(_QUANTILES, samples, accuracy) / samples
    return float(low), float(high)


def _fitted(family: PolicyFamily, fitting: ExitSamples) -> tuple[list[ExitPolicy], dict[float, ExitPolicy]]:
    """Return the family's path, and its policy for every budget."""
    path = family.path(fitting, fitting.correct)
    at: dict[float, ExitPolicy] = {}
    for share in SHARES:
        target = Budget(share * float(fitting.reach_cost[-1]))
        policy = target.fit_to_target(family, fitting)
        at[share] = path[target.pick(path, fitting)] if policy is None else policy
    return path, at


def _point(share: float, chosen: IntArray, baseline: IntArray, samples: ExitSamples) -> BudgetPoint:
    outcome = outcome_at(chosen, samples)
    right, base = _right(chosen, samples), _right(baseline, samples)
    gain_low, gain_high = paired_interval(right - base)
    low, high = bootstrap_interval(outcome.accuracy, len(samples))
    cost = outcome.cost / float(samples.reach_cost[-1])
    return BudgetPoint(share, outcome.accuracy, low, high, gain_low, gain_high, cost, outcome.harm)


def _curve(path: list[ExitPolicy], scoring: ExitSamples) -> tuple[tuple[float, float, float, float], ...]:
    kept = np.unique(np.linspace(0, len(path) - 1, min(_MAX_POINTS, len(path))).round().astype(np.intp))
    outcomes, full = outcomes_of([path[i] for i in kept], scoring), float(scoring.reach_cost[-1])
    rows = [
        (outcome.cost / full, outcome.accuracy, *bootstrap_interval(outcome.accuracy, len(scoring)))
        for outcome in outcomes
    ]
    return tuple(sorted(rows))


def _exits(
    scoring: ExitSamples, warmer: ExitSamples, temperatures: FloatArray, baseline: IntArray
) -> tuple[ExitResult, ...]:
    plain = exit_calibration(scoring, baseline)
    after = exit_calibration(warmer, baseline)
    return tuple(
        ExitResult(float(temperature), before.all_samples, then.all_samples, before.arriving)
        for temperature, before, then in zip(temperatures, plain, after, strict=True)
    )


def _right(chosen: IntArray, samples: ExitSamples) -> FloatArray:
    return samples.correct[np.arange(len(samples)), chosen].astype(np.float64)


def paired_interval(difference: FloatArray) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the mean of paired differences of few distinct values.

    Drawing samples again draws their distinct values from a multinomial distribution.

    Args:
        difference: Of right answers, shape ``(N,)``: -1, 0 and 1, or shares of them.
    """
    samples = len(difference)
    values = np.union1d((-1.0, 0.0, 1.0), difference)
    shares = [float((difference == value).mean()) for value in values]
    counts = np.random.default_rng(0).multinomial(samples, shares, _RESAMPLES)
    low, high = np.quantile(counts @ values / samples, _QUANTILES)
    return float(low), float(high)
