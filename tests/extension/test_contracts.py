"""The contracts of ``aebnas.testing``: ours and those of a package outside hold to the same."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pytest

from aebnas.config.sections.space import SpaceConfig
from aebnas.data.readers.outside import Arrays
from aebnas.space.api import SearchSpace
from aebnas.space.kind import SpaceRequest
from aebnas.space.spaces import Staged
from aebnas.task.metrics.metric import Metric, OfPoint
from aebnas.task.metrics.table import METRICS
from aebnas.testing import DatasetContract, MetricContract, SpaceContract

PACKAGE = Path(__file__).parent / "package"


def own(name: str) -> ModuleType:
    """A module of the package, under a name of its own: other tests load copies of it."""
    spec = importlib.util.spec_from_file_location(f"contracts_{name}", PACKAGE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


my_metrics, my_data, my_spaces = own("my_metrics"), own("my_data"), own("my_spaces")
Chain: Any = my_spaces.Chain


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
class TestOurMetrics(MetricContract):
    @pytest.fixture(autouse=True)
    def _given(self, metric: Metric) -> None:
        type(self).metric = metric


class TestWorstRecall(MetricContract):
    metric = my_metrics.WORST_RECALL


class TestDiskBytes(MetricContract):
    metric = my_metrics.DISK_BYTES


class TestSpread(MetricContract):
    metric = my_metrics.SPREAD


class TestStripes(DatasetContract):
    load = staticmethod(my_data.stripes)
    options = MappingProxyType({"images": 60})


class TestTable(DatasetContract):
    load = staticmethod(my_data.table)

    @pytest.fixture(autouse=True)
    def _written(self, tmp_path: Path) -> None:
        rows = np.random.default_rng(0).integers(0, 256, (40, 26), np.uint8)
        rows[:, 0] = np.arange(40) % 4
        np.save(tmp_path / "rows.npy", rows)
        type(self).options = {"path": str(tmp_path / "rows.npy"), "side": 5}


class TestChain(SpaceContract):
    kind = Chain(length=(1, 2, 4), width=(4, 6))


class TestStagedSpaces(SpaceContract):
    kind = Staged(
        SpaceConfig.model_validate(
            {
                "stages": [
                    {"depth": [1, 2], "width": [4, 8], "block": {"type": ["conv", "mbconv"]}},
                    {"width": 8, "stride": 2, "block": {"kernel": [1, 3]}},
                ],
                "exits": {
                    "after": ["stage1"],
                    "branch": {"modules": [0, 1], "module": {"type": ["conv", "pool"]}},
                },
            }
        )
    )
    shape = (12, 16, 3)


class _Rising(OfPoint):
    """Says that less is better of something that the curve says otherwise."""

    def minimised(self, value: float) -> float:
        return 1 - value


def test_a_metric_that_turns_its_own_direction_breaks_the_contract() -> None:
    class Broken(MetricContract):
        metric = _Rising(word="accuracy", help="share", is_share=True, read=lambda point: point.accuracy)

    with pytest.raises(AssertionError):
        Broken().test_what_is_minimised_is_better_where_the_value_is()


def test_a_data_set_that_differs_every_time_breaks_the_contract() -> None:
    class Broken(DatasetContract):
        load = staticmethod(
            lambda: Arrays(
                (np.random.default_rng().integers(0, 255, (9, 4, 4, 1), np.uint8), np.arange(9) % 3)
            )
        )

    with pytest.raises(AssertionError):
        Broken().test_it_returns_the_same_every_time()


def test_a_space_that_miscounts_breaks_the_contract() -> None:
    class Miscounting(my_spaces.ChainSpace):
        def count(self) -> int:
            return super().count() + 1

    @dataclass(frozen=True)
    class Kind(Chain):
        def space(self, request: SpaceRequest) -> SearchSpace:
            return Miscounting(self, request)

    class Broken(SpaceContract):
        kind = Kind()

    with pytest.raises(AssertionError):
        Broken().test_the_count_is_exact()
