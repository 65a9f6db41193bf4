"""Our metrics keep the contract that those from outside keep."""

import pytest

from aebnas.task.metrics.metric import Metric
from aebnas.task.metrics.table import METRICS
from aebnas.testing import MetricContract


@pytest.mark.parametrize("name", METRICS)
class TestOurMetrics(MetricContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self._metric = METRICS[name]

    def metric(self) -> Metric:
        return self._metric
