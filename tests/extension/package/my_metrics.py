"""Metrics of one's own: one of answers, one of a network, one of an operating point."""

import numpy as np

from aebnas.extending import Answers, Costs, OfAnswers, OfNetwork, OfPoint, Point


def _worst_recall(given: Answers) -> float:
    right = given.labels == given.answers
    return min(float(right[given.labels == label].mean()) for label in np.unique(given.labels))


def _disk_bytes(costs: Costs, _profile: str) -> float:
    return 4.0 * costs.params


def _spread_of_macs(point: Point) -> float:
    reach = np.asarray(point.costs.reach["macs"])
    mean = point.expected("macs")
    return float(np.sqrt(point.exit_rates @ (reach - mean) ** 2) / reach[-1])


WORST_RECALL = OfAnswers(
    word="worst recall", help="recall of the class that is recognised least", highest=1.0, is_share=True,
    measure=_worst_recall,
)  # fmt: skip
DISK_BYTES = OfNetwork(word="bytes on disk", help="of all weights, fp32", count=_disk_bytes)
SPREAD = OfPoint(
    word="spread of MACs", help="standard deviation over the images, as a share of the full cost",
    is_share=True, read=_spread_of_macs,
)  # fmt: skip
