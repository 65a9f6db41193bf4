"""What each policy promises, checked on resplits of one network's logits; a function per table.

Every function returns Markdown lines.  Policies are fitted on one half and scored on the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aebnas.exits.core.outcome import outcome_at, outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.switch_policy import switched_on, switches_where
from aebnas.exits.core.threshold_policy import ThresholdPolicy, never_leave
from aebnas.exits.policies.eero import Eero
from aebnas.exits.policies.jei import JeiGates
from aebnas.exits.policies.pcee import Pcee
from aebnas.exits.policies.score_steps import equal_mass_steps, nearest_steps
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.policies.window import WindowCascade
from aebnas.exits.quality.calibration import decision_calibration, exit_calibration
from aebnas.exits.quality.temperature import fit_temperatures, scaled
from aebnas.exits.risk_control import conformal_risk_control, harm_of, learn_then_test
from aebnas.exits.targets import Budget
from aebnas.exits.thresholds.shared import shared_threshold
from aebnas.exits.thresholds.tuners import ExactTuner

DELTAS = (0.7, 0.75, 0.8, 0.85, 0.9)
SHARES = (0.3, 0.5, 0.7)
EERO_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
PRICES = (0.1, 0.5, 1.0, 2.0, 5.0)
PASSED_ON = (0.1, 0.2, 0.3, 0.4, 0.5)


def halves(pooled: ExitSamples, resplits: int) -> Iterator[tuple[ExitSamples, ExitSamples]]:
    """Yield random halves of the samples: to fit on, and to score on."""
    for seed in range(resplits):
        yield pooled.split(0.5, seed)


def table(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(row)} |" for row in lines] + [""]


def pcee_invariance(fitting: ExitSamples, scoring: ExitSamples) -> list[str]:
    """Count decisions that change when every score s becomes s^5."""
    changed = {"PCEE": 0, "PCEE-WS": 0}
    for i in range(fitting.exits - 1):
        scores, unseen = fitting.logits.score("confidence", i), scoring.logits.score("confidence", i)
        good = fitting.correct[:, i]
        for name, steps, size in (("PCEE", equal_mass_steps, 20), ("PCEE-WS", nearest_steps, 500)):
            plain, powered = steps(scores, good, size), steps(scores**5, good, size)
            for delta in DELTAS:
                plain_switched = switched_on(switches_where(plain.edges, plain.rate >= delta), unseen)
                powered_switched = switched_on(
                    switches_where(powered.edges, powered.rate >= delta), unseen**5
                )
                changed[name] += int((plain_switched != powered_switched).sum())
    total = (fitting.exits - 1) * len(DELTAS) * len(scoring)
    return [f"Decisions changed by s -> s^5, of {total}: {changed}.", ""]


def pcee_deltas(pooled: ExitSamples, resplits: int) -> list[str]:
    """Are those who leave early as often right as promised?"""
    families = {
        "PCEE": Pcee(),
        "PCEE-WS": Pcee(is_smoothed=True),
        "PCEE, 95% bound": Pcee(lower_bound=0.95),
        "PCEE, bins of arrivals": Pcee(is_sequential=True),
        "PCEE, bins of arrivals, 95% bound": Pcee(is_sequential=True, lower_bound=0.95),
    }
    seen: dict[tuple[str, float], list[tuple[float, int, float]]] = {}
    for fitting, scoring in halves(pooled, resplits):
        for name, family in families.items():
            for delta in DELTAS:
                chosen = family.at(fitting, fitting.correct, delta).decide(scoring.logits)
                early = chosen < scoring.exits - 1
                right = scoring.correct[np.arange(len(scoring)), chosen][early]
                cost = outcome_at(chosen, scoring).cost
                row = (float(right.mean()) if early.any() else np.nan, int(early.sum()), cost)
                seen.setdefault((name, delta), []).append(row)
    rows = []
    for (name, delta), values in seen.items():
        accuracy, count, cost = np.nanmean(np.array(values), axis=0)
        error = (accuracy * (1 - accuracy) / max(count, 1)) ** 0.5
        spread = np.nanstd(np.array(values)[:, 0], ddof=1)
        target_check = "yes" if accuracy >= delta - 2 * error else "**no**"
        shares = [f"{100 * count / (len(pooled) / 2):.1f}", f"{100 * cost / pooled.reach_cost[-1]:.1f}"]
        numbers = [f"{100 * value:.2f}" for value in (accuracy, spread, error)]
        rows.append([name, f"{100 * delta:.0f}", *numbers, *shares, target_check])
    head = (
        "policy",
        "delta %",
        "right, early %",
        "sd",
        "standard error",
        "leave early %",
        "cost %",
        "reached",
    )
    return table(head, rows)


def pcee_against_thresholds(pooled: ExitSamples, resplits: int) -> list[str]:
    """PCEE's accuracy minus that of confidence thresholds at the same mean cost on the fitting half."""
    full = pooled.reach_cost[-1]
    seen: dict[tuple[str, float], list[list[float]]] = {}
    for fitting, scoring in halves(pooled, resplits):
        tuned = TunedThresholds().path(fitting, fitting.correct)
        cuts = shared_threshold(fitting.logits.scores("confidence"), fitting.correct, fitting.reach_cost)
        shared = [ThresholdPolicy("confidence", tuple(row)) for row in cuts[:: max(1, len(cuts) // 300)]]
        for name, family in (("PCEE", Pcee()), ("PCEE-WS", Pcee(is_smoothed=True))):
            path = family.path(fitting, fitting.correct)
            for share in SHARES:
                policy = path[Budget(share * full).pick(path, fitting)]
                budget = Budget(outcome_of(policy, fitting).cost)
                outcomes = [
                    outcome_of(policy_of_way, scoring)
                    for policy_of_way in (
                        policy,
                        tuned[budget.pick(tuned, fitting)],
                        shared[budget.pick(shared, fitting)],
                    )
                ]
                row = [100 * outcome.accuracy for outcome in outcomes]
                row += [100 * outcome.cost / full for outcome in outcomes]
                seen.setdefault((name, share), []).append(row)
    rows = []
    for (name, share), values in seen.items():
        each = np.array(values)
        mean = each.mean(axis=0)
        gains = [
            f"{(each[:, 0] - each[:, i]).mean():+.2f} +- {(each[:, 0] - each[:, i]).std():.2f}"
            for i in (1, 2)
        ]
        cost = [f"{value:.1f}" for value in mean[3:]]
        rows.append([name, f"{100 * share:.0f}", f"{mean[0]:.2f}", *gains, " / ".join(cost)])
    head = ("policy", "budget %", "accuracy %", "minus tuned", "minus shared", "cost % PCEE / tuned / shared")
    return table(head, rows)


def eero_budgets(pooled: ExitSamples, resplits: int) -> list[str]:
    """How far from the budget is EERO's mean cost on unseen samples?"""
    full = pooled.reach_cost[-1]
    off: dict[float, list[float]] = {share: [] for share in EERO_SHARES}
    for fitting, scoring in halves(pooled, resplits):
        for share in EERO_SHARES:
            policy = Budget(share * full).fit(Eero(), fitting).policy
            off[share].append(100 * (outcome_of(policy, scoring).cost / (share * full) - 1))
    rows = []
    for share, values in off.items():
        mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
        target_check = "yes" if abs(mean) <= 2 else "**no**"
        rows.append(
            [
                f"{100 * share:.0f}",
                f"{mean:+.2f}",
                f"{spread:.2f}",
                f"{np.abs(values).max():.2f}",
                target_check,
            ]
        )
    return table(("budget %", "off by, mean %", "sd", "largest", "within 2%"), rows)


def promises(
    pooled: ExitSamples, resplits: int, samples: int, max_harm: float, confidence: float
) -> list[str]:
    """How often is a promise on harm broken, by learn-then-test and by plain tuning?"""
    names = (
        "learn-then-test",
        "conformal (mean only)",
        "plain tuning, the same test half",
        "plain tuning, all",
    )
    harm: dict[str, list[float]] = {name: [] for name in names}
    cost: dict[str, list[float]] = {name: [] for name in names}
    family = TunedThresholds(tuner=ExactTuner(20_000), max_points=100)
    full = never_leave(pooled.exits)
    for seed in range(resplits):
        calibration, unseen = pooled.split(samples / len(pooled), seed)
        building, test = calibration.split(0.5, 0)
        path = [full, *family.path(building, building.harmless)]
        harmed = harm_of(path, test)
        everything = [full, *family.path(calibration, calibration.harmless)]
        kept = (
            path[learn_then_test(harmed, max_harm, confidence) or 0],
            path[conformal_risk_control(harmed, max_harm) or 0],
            path[np.flatnonzero(harmed.mean(axis=1) <= max_harm)[-1]],
            everything[np.flatnonzero(harm_of(everything, calibration).mean(axis=1) <= max_harm)[-1]],
        )
        for name, policy in zip(names, kept, strict=True):
            outcome = outcome_of(policy, unseen)
            harm[name].append(outcome.harm)
            cost[name].append(outcome.cost / pooled.reach_cost[-1])
    rows = []
    for name in names:
        broken = float(np.mean(np.array(harm[name]) > max_harm))
        rows.append(
            [
                name,
                f"{100 * broken:.1f}",
                f"{100 * np.mean(harm[name]):.2f}",
                f"{100 * np.mean(cost[name]):.1f}",
            ]
        )
    title = f"{samples} calibration samples: half build the path, half test it. "
    title += f"Harm <= {max_harm:.0%} with confidence {confidence:.0%}:"
    return [title, "", *table(("method", "broken in % of resplits", "mean harm %", "mean cost %"), rows)]


def jei_prices(pooled: ExitSamples, resplits: int) -> list[str]:
    """Does the cost fall as the price rises, and how many exits are used?"""
    seen: dict[float, list[list[float]]] = {price: [] for price in PRICES}
    for fitting, scoring in halves(pooled, resplits):
        for price in PRICES:
            outcome = outcome_of(JeiGates().at(fitting, price), scoring)
            cost = 100 * outcome.cost / pooled.reach_cost[-1]
            seen[price].append([cost, 100 * outcome.accuracy, *(100 * outcome.exit_rates)])
    falls = np.diff(np.array([[row[0] for row in seen[price]] for price in PRICES]), axis=0) < 0
    rows = []
    for price, values in seen.items():
        mean, low = np.mean(values, axis=0), np.min(values, axis=0)
        rates = " / ".join(f"{value:.1f}" for value in mean[2:])
        rows.append([f"{price:g}", f"{mean[0]:.1f}", f"{mean[1]:.2f}", rates, str(int((low[2:] > 1).sum()))])
    head = ("lambda", "cost %", "accuracy %", "leave at each exit %", "exits used by > 1% in every resplit")
    note = f"Cost falls from each lambda to the next in {100 * falls.mean():.0f}% of the resplits."
    return [*table(head, rows), note, ""]


def window_shares(pooled: ExitSamples, resplits: int) -> list[str]:
    """Is the share passed on the share asked for, and is everyone outside decided as before?"""
    cascade = WindowCascade()
    seen: dict[float, list[list[float]]] = {share: [] for share in PASSED_ON}
    changed = 0
    for fitting, scoring in halves(pooled, resplits):
        alone = cascade.at(fitting, 0.0).accepts(scoring.logits)
        for share in PASSED_ON:
            policy = cascade.at(fitting, share)
            chosen = policy.decide(scoring.logits)
            changed += int((policy.accepts(scoring.logits) != alone)[chosen == 0].sum())
            passed = [
                100 * float((chosen > i).sum() / max(1, (chosen >= i).sum())) for i in range(pooled.exits - 1)
            ]
            seen[share].append([*passed, 100 * float(policy.accepts(scoring.logits).mean())])
    rows = []
    for share, values in seen.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        target_check = "yes" if abs(mean[0] - 100 * share) <= 2 else "**no**"
        later = " / ".join(f"{value:.1f}" for value in mean[1:-1])
        rows.append(
            [
                f"{100 * share:.0f}",
                f"{mean[0]:.2f} +- {spread[0]:.2f}",
                later,
                f"{mean[-1]:.2f}",
                target_check,
            ]
        )
    head = ("asked %", "passed on by exit 0 %", "by the later exits %", "accepted % (80 asked)", "+-2 points")
    return [
        *table(head, rows),
        f"Decisions of samples outside the first window that changed: {changed}.",
        "",
    ]


def calibration_tables(fitting: ExitSamples, scoring: ExitSamples) -> list[str]:
    """Calibration of every exit and of the decisions taken, plain and with temperatures."""
    temperatures = fit_temperatures(fitting)
    warm = ExitSamples.of(scaled(scoring.logits.values, temperatures), scoring.labels, scoring.reach_cost)
    policy = Budget(0.5 * fitting.reach_cost[-1]).fit(TunedThresholds(), fitting).policy
    chosen = policy.decide(scoring.logits)
    rows = []
    for i, (plain, scaled_one) in enumerate(
        zip(exit_calibration(scoring, chosen), exit_calibration(warm, chosen), strict=True)
    ):
        for name, group, scaled_group in (
            ("all", plain.all_samples, scaled_one.all_samples),
            ("arriving", plain.arriving, scaled_one.arriving),
        ):
            rows.append([str(i), f"{temperatures[i]:.2f}", name, *_numbers(group, scaled_group)])
    taken = (decision_calibration(scoring, chosen), decision_calibration(warm, chosen))
    rows.append(["taken", "", "all", *_numbers(*taken)])
    head = (
        "exit",
        "T",
        "samples",
        "n",
        "accuracy %",
        "ECE %, with T",
        "NLL, with T",
        "Brier, with T",
        "AURC %",
    )
    return table((*head, "coverage at 5% risk %", "failure-AUROC"), rows)


def _numbers(plain: object, warm: object) -> list[str]:
    def both(name: str, factor: float, digits: int) -> str:
        return ", ".join(f"{factor * getattr(calibration, name):.{digits}f}" for calibration in (plain, warm))

    def of_plain(name: str, factor: float, digits: int) -> str:
        return f"{factor * getattr(plain, name):.{digits}f}"

    errors = [both("ece", 100, 2), both("nll", 1, 3), both("brier", 1, 3)]
    rest = [of_plain("aurc", 100, 2), of_plain("coverage_at_5", 100, 1), of_plain("failure_auroc", 1, 3)]
    return [of_plain("samples", 1, 0), of_plain("accuracy", 100, 2), *errors, *rest]
