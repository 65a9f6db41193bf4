"""What exits gained over static networks, in words and as plain values.

Must not import torch.
"""

from __future__ import annotations

from typing import Any

from aebnas.runs.formatting import metric_name, metric_value, percent
from aebnas.runs.static.curve import Mixture, accuracy_of
from aebnas.runs.static.gain import Difference, StaticComparison
from aebnas.runs.static.networks import Kind, StaticNetwork, static_front

BOTH_CHOSEN = (
    "The select images chose the networks with exits and the static ones, so both accuracies are "
    "optimistic; test decides: aebnas evaluate."
)
LEAST = 0.0005
"""Gains that are 0.0 points in print are none."""
LEAST_SAVING = 0.005
"""Likewise of cost."""


def format_gain(comparison: StaticComparison) -> str:
    """Return what exits gained over the best static networks, or that they gained nothing."""
    difference = comparison.at_equal_cost
    if difference is None:
        return "Exits gained nothing: no network with early exits is on the front."
    sentences = [_gain(difference, comparison.metric)]
    saved = comparison.at_equal_accuracy
    if saved is not None and comparison.saving is not None and comparison.saving < 1 - LEAST_SAVING:
        best = _network(comparison.curve.best, comparison.metric)
        sentences.append(
            f"{saved.point.key} is as accurate as the best static network, {best}, at "
            f"{percent(comparison.saving, 0)} of its cost "
            f"({_signed(saved.accuracy)} points{_interval(saved)})."
        )
    if not any(network.kind is Kind.ALONE for network in comparison.networks):
        sentences.append("No candidate without exits was evaluated: all static networks are cut short.")
    elif comparison.are_whole_ones_behind:
        sentences.append(
            "No network without exits was trained as far as those on the front; aebnas train --static does."
        )
    return " ".join(sentences)


def _gain(difference: Difference, metric: str) -> str:
    point = difference.point
    what = (
        f"{point.key} is right on {percent(point.accuracy, 2)} at "
        f"{metric_value(metric, point.metrics[metric])} {metric_name(metric)}, "
        f"{_mixture(difference.baselines)} on {percent(accuracy_of(difference.baselines), 2)}"
    )
    if difference.accuracy < LEAST:
        return (
            "Exits gained nothing: at no point of the front are they more accurate than static networks of "
            f"equal average cost. They come nearest ({_signed(difference.accuracy)} points"
            f"{_interval(difference)}) where {what}."
        )
    chance = ", which may be chance" if difference.may_be_chance else ""
    return (
        f"Exits gained {difference.accuracy * 100:.1f} points of accuracy over the best static networks at "
        f"equal average cost{_interval(difference, ' (95%: ', ')')}{chance}: {what}."
    )


def _mixture(baselines: Mixture) -> str:
    """Return static networks of which each answers a share of the images."""
    if len(baselines) == 1:
        return baselines[0][0].text()
    return f"the mixture of {' and '.join(network.text() for network, _ in baselines)} at that cost"


def _network(network: StaticNetwork, metric: str) -> str:
    cost = metric_value(metric, network.costs[metric])
    return f"{network.text()} ({percent(network.accuracy, 2)} at {cost})"


def _interval(difference: Difference, before: str = "; 95%: ", after: str = "") -> str:
    if difference.interval is None:
        return ""
    low, high = difference.interval
    return f"{before}{_signed(low)} to {_signed(high)}{after}"


def _signed(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{share * 100:+.1f}".replace("-", "−")


def plain_comparison(comparison: StaticComparison | None) -> dict[str, Any] | None:
    """Return a comparison as plain values for JSON; static networks that another one beats are left out."""
    if comparison is None:
        return None
    front = static_front(comparison.networks, comparison.metric)
    return {
        "text": format_gain(comparison),
        "metric": comparison.metric,
        "at_equal_cost": _plain_difference(comparison.at_equal_cost, comparison.metric),
        "at_equal_accuracy": _plain_difference(comparison.at_equal_accuracy, comparison.metric),
        "saving": comparison.saving,
        "static": [_plain_network(network) for network in front],
    }


def _plain_difference(difference: Difference | None, metric: str) -> dict[str, Any] | None:
    if difference is None:
        return None
    point = difference.point
    return {
        "key": point.key,
        "budget_fraction": point.budget_fraction,
        "accuracy": point.accuracy,
        "cost": point.metrics[metric],
        "difference": difference.accuracy,
        "interval": None if difference.interval is None else list(difference.interval),
        "static": [_plain_network(network) | {"share": share} for network, share in difference.baselines],
    }


def _plain_network(network: StaticNetwork) -> dict[str, Any]:
    return {
        "kind": network.kind.value,
        "keys": [evaluation.key for evaluation in network.evaluations],
        "exit": network.exit_name,
        "accuracy": network.accuracy,
        "costs": dict(network.costs),
    }
