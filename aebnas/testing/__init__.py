"""Contracts: what a thing from outside must hold to, as test classes that pytest runs.

Inherit one in a test file of your own, and say what is tested:

    from aebnas.testing import MetricContract
    from my_metrics import WORST_RECALL

    class TestWorstRecall(MetricContract):
        metric = WORST_RECALL
"""

from aebnas.testing.datasets import DatasetContract
from aebnas.testing.metrics import MetricContract
from aebnas.testing.spaces import SpaceContract

__all__ = ["DatasetContract", "MetricContract", "SpaceContract"]
