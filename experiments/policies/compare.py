"""All exit policies on the cached logits of a trained network: what each promises, and what it gives.

    python experiments/policies/compare.py runs/operating_curve.npz --small runs/policies_mnist5k.npz

The file holds calibrate_logits (N, E, K), calibrate_labels, select_logits, select_labels and
reach_cost (E,).  First the file's own split, then random halves of its pooled samples.  Writes
results.md and policies.png beside this file.  One thread; about ten minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import boxes
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from aebnas.exits.core.outcome import PolicyOutcome, outcome_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.families import FAMILIES, family_named
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.targets import Budget

HERE = Path(__file__).parent
RESAMPLES = 2000
Outcomes = dict[tuple[str, float], list[PolicyOutcome]]


def load(path: Path) -> tuple[ExitSamples, ExitSamples, ExitSamples]:
    """Return calibrate, select and both together."""
    with np.load(path) as file:
        cost = file["reach_cost"]
        parts = [(file[f"{name}_logits"], file[f"{name}_labels"]) for name in ("calibrate", "select")]
    pooled = [np.concatenate([parts[0][i], parts[1][i]]) for i in (0, 1)]
    calibrate, select = (ExitSamples.of(logits, labels, cost) for logits, labels in parts)
    return calibrate, select, ExitSamples.of(pooled[0], pooled[1], cost)


def fitted(family: PolicyFamily, fitting: ExitSamples) -> dict[float, ExitPolicy]:
    """Return the family's policy for each budget; its path is built once."""
    path, policies = None, {}
    for share in boxes.SHARES:
        target = Budget(share * fitting.reach_cost[-1])
        policy = target.fit_to_target(family, fitting)
        if policy is None:
            path = path or family.path(fitting, fitting.correct)
            policy = path[target.pick(path, fitting)]
        policies[share] = policy
    return policies


def all_fitted(fitting: ExitSamples) -> dict[tuple[str, float], ExitPolicy]:
    """Return the policy of every family at every budget."""
    return {
        (name, share): policy
        for name in FAMILIES
        for share, policy in fitted(family_named(name), fitting).items()
    }


def policy_table(
    calibrate: ExitSamples, select: ExitSamples, pooled: ExitSamples, resplits: int
) -> list[str]:
    """All policies at each budget: own split with bootstrap intervals, and means over resplits."""
    own = all_fitted(calibrate)
    many: Outcomes = {}
    for fitting, scoring in boxes.halves(pooled, resplits):
        for key, policy in all_fitted(fitting).items():
            many.setdefault(key, []).append(outcome_of(policy, scoring))
    counts = _resamples(len(select))
    rows = []
    for share in boxes.SHARES:
        base = _right(own["confidence", share], select)
        for name in FAMILIES:
            right = _right(own[name, share], select)
            low, high = np.quantile(100 * counts @ right, [0.025, 0.975])
            less, more = np.quantile(100 * counts @ (right - base), [0.025, 0.975])
            each = many[name, share]
            accuracy = 100 * np.array([outcome.accuracy for outcome in each])
            gain = accuracy - 100 * np.array([outcome.accuracy for outcome in many["confidence", share]])
            cost = 100 * np.array([outcome.cost for outcome in each]) / pooled.reach_cost[-1]
            harm = 100 * np.mean([outcome.harm for outcome in each])
            own_cost = 100 * outcome_of(own[name, share], select).cost / select.reach_cost[-1]
            row = f"{100 * share:.0f} | {name} | {100 * right.mean():.2f} | {low:.2f} .. {high:.2f} | "
            row += f"{less:+.2f} .. {more:+.2f} | {own_cost:.1f} | "
            row += f"{accuracy.mean():.2f} +- {accuracy.std(ddof=1):.2f} | {gain.mean():+.2f} | "
            row += f"{cost.mean():.1f} +- {cost.std(ddof=1):.1f} | {harm:.2f}"
            rows.append(row.split(" | "))
    head = ("budget %", "policy", "accuracy %", "95% bootstrap", "minus confidence, 95%", "cost %")
    return boxes.table((*head, "resplits: accuracy %", "minus confidence", "cost %", "harm %"), rows)


def times(calibrate: ExitSamples, select: ExitSamples) -> list[str]:
    """Time fitting each family to half the full cost, and deciding."""
    rows, total = [], 0.0
    for name in FAMILIES:
        fresh = calibrate.take(np.arange(len(calibrate)))  # nothing cached
        start = time.perf_counter()
        policy = Budget(0.5 * calibrate.reach_cost[-1]).fit(family_named(name), fresh).policy
        seconds = time.perf_counter() - start
        total += seconds
        deciding = []
        for _ in range(5):
            start = time.perf_counter()
            policy.decide(select.logits.values)
            deciding.append(time.perf_counter() - start)
        rows.append([name, f"{seconds:.2f}", f"{1000 * float(np.median(deciding)):.1f}"])
    rows.append(["all", f"{total:.2f}", ""])
    return boxes.table(("policy", f"fit, N = {len(calibrate)}, s", f"decide {len(select)}, ms"), rows)


def draw(calibrate: ExitSamples, select: ExitSamples) -> None:
    """Draw every family's path, fitted on calibrate and scored on select, with 95% bootstrap intervals."""
    counts = _resamples(len(select))[:500]
    figure, axes = plt.subplots(figsize=(8, 5.5))
    for name in FAMILIES:
        path = family_named(name).path(calibrate, calibrate.correct)
        kept = np.unique(np.linspace(0, len(path) - 1, 40).round().astype(int))
        outcomes = [outcome_of(path[i], select) for i in kept]
        cost = np.array([outcome.cost for outcome in outcomes]) / select.reach_cost[-1]
        means = 100 * counts @ np.stack([_right(path[i], select) for i in kept], axis=1)
        line = axes.plot(cost, [100 * outcome.accuracy for outcome in outcomes], ".-", lw=1, ms=3, label=name)
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        axes.fill_between(cost, low, high, alpha=0.07, color=line[0].get_color())
    axes.set(xlabel="mean cost, share of the full cost", ylabel="accuracy, %", xlim=(0.1, 0.8))
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(HERE / "policies.png", dpi=110)


def _right(policy: ExitPolicy, samples: ExitSamples) -> np.ndarray:
    return samples.correct[np.arange(len(samples)), policy.decide(samples.logits)].astype(np.float64)


def _resamples(samples: int) -> np.ndarray:
    """Return bootstrap weights, ``(RESAMPLES, N)``; the same for all policies: differences are paired."""
    random = np.random.default_rng(0)
    return random.multinomial(samples, np.full(samples, 1 / samples), RESAMPLES).astype(np.float32) / samples


def main() -> None:
    """Run every check and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logits", type=Path)
    parser.add_argument("--small", type=Path, help="logits of a second network, for PCEE against thresholds")
    parser.add_argument("--resplits", type=int, default=50)
    parser.add_argument("--promises", type=int, default=500)
    arguments = parser.parse_args()
    calibrate, select, pooled = load(arguments.logits)
    n = arguments.resplits
    sections = {
        "All policies at three budgets": lambda: policy_table(calibrate, select, pooled, n),
        "Times": lambda: times(calibrate, select),
        "PCEE: a strictly increasing transform": lambda: boxes.pcee_invariance(calibrate, select),
        "PCEE: are early answers as often right as promised": lambda: boxes.pcee_deltas(pooled, n),
        "PCEE against confidence at equal cost": lambda: boxes.pcee_against_thresholds(pooled, n),
        "EERO: mean cost against the budget": lambda: boxes.eero_budgets(pooled, n),
        "Promises on harm": lambda: boxes.promises(pooled, arguments.promises, 1000, 0.01, 0.9),
        "JEI gates": lambda: boxes.jei_prices(pooled, n),
        "Window cascades": lambda: boxes.window_shares(pooled, n),
        "Calibration at 50% of full cost": lambda: boxes.calibration_tables(calibrate, select),
    }
    if arguments.small:
        small = load(arguments.small)[2]
        title = f"PCEE against confidence at equal cost: {arguments.small.stem}"
        sections[title] = lambda: boxes.pcee_against_thresholds(small, n)
    lines: list[str] = []
    for title, section in sections.items():
        start = time.perf_counter()
        lines += [f"## {title}", "", *section()]
        print(f"{title}: {time.perf_counter() - start:.0f} s", flush=True)
        (HERE / "results.md").write_text("\n".join(lines))
    draw(calibrate, select)


if __name__ == "__main__":
    main()
