"""What an export promises of its early answers, and against whose answers: words for the model card."""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.config.sections.exits import ExitsConfig, GuaranteeConfig
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.threshold_policy import never_leave
from aebnas.nets.given_weights import Given

_AGAINST = {
    Given.NOTHING: ("this network's last exit", ""),
    Given.UNTOUCHED: (
        "your own network",
        " Your network was left as it is, weight by weight: the exits alone were trained, and what no exit "
        "answers is answered by it, from pictures of {rows} x {columns} pixels.",
    ),
    Given.OTHER_HEAD: (
        "this network's last exit",
        " That is a new classifier behind the layers of your own network: nothing is promised against the "
        "answers of your network itself.",
    ),
    Given.TRAINED: (
        "this network's last exit",
        " The weights of your own network were trained further: nothing is promised against what it "
        "answered before.",
    ),
}
"""Whose answers are not spoiled, and what else must be said of them."""


def promise_text(
    exits: ExitsConfig, policy: ExitPolicy, given: Given, size: Sequence[int], precision: str
) -> str:
    """Return what is promised of the answers that early exits give; empty where nothing is.

    Args:
        exits: How the policy was fitted.
        policy: The one that was exported.
        given: What the network has of one that somebody brought.
        size: Of the pictures that it takes in, rows and columns.
        precision: ``fp32`` or ``int8``, whose graphs round and so are no longer the given network.
    """
    guarantee = exits.guarantee
    if guarantee is None:
        return ""
    whose, more = _AGAINST[given]
    if precision != "fp32":
        whose = f"the last exit of these {precision.upper()} graphs"
        more = "" if given is Given.NOTHING else " They round: nothing is promised against your own network."
    rows, columns = size
    own_images = ", and which your own network has not been trained on either"
    return (
        f"{_promise(guarantee)} get a worse answer than from {whose}: a wrong one where that one's is right."
        f"{more.format(rows=rows, columns=columns)}{_idle(policy)}\n\n"
        "This holds for pictures drawn like those of calibrate, which trained nothing here"
        f"{'' if given is Given.NOTHING else own_images}: half of them built the policies, and the other "
        "half tested them."
    )


def _promise(guarantee: GuaranteeConfig) -> str:
    share = f"at most {guarantee.max_harm * 100:g}% of pictures"
    if guarantee.confidence is None:
        return f"On average over sets of calibrate pictures, {share}"
    return f"With {guarantee.confidence * 100:g}% confidence, {share}"


def _idle(policy: ExitPolicy) -> str:
    """Return a warning where the policy keeps its guarantee only because no image leaves early."""
    if policy.exits < 2 or policy.to_dict() != never_leave(policy.exits).to_dict():
        return ""
    return " No early answer could be cleared: the last exit answers everything, which spares nothing."
