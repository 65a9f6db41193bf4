"""How a pool of workers begins: on whose GPUs, and what is left where it cannot; the cluster is pretended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from search.fake_cluster import FakeCluster
from search.fakes import fake_config

from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import WorkerError
from aebnas.evaluation.settings import candidate_settings
from aebnas.search.workers.cluster.nodes import Node
from aebnas.search.workers.ray_pool import RayPool

CLUSTER = "workers.address='10.0.0.1:6379'"


class Watched(FakeCluster):
    """Remembers what was shared and whether it was closed."""

    closed = 0
    gpus = 0.0
    error: BaseException | None = None

    def share(self, job: object, cpus: float, gpus: float) -> None:
        self.gpus = gpus
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def pool(cluster: Watched, *overrides: str) -> RayPool:
    config = fake_config("workers={mode: ray}", *overrides)
    splits = make_splits(load_dataset(config.data), config.data)
    return RayPool(candidate_settings(config), config.workers, splits, open_cluster=lambda: cluster)


@pytest.fixture
def of() -> Callable[..., Watched]:
    return lambda cpus, gpus=0: Watched(Node("a", "a:1", cpus, gpus))


def test_auto_takes_the_gpus_of_the_cluster_not_of_the_driver(of: Callable[..., Watched]) -> None:
    cluster = of(32, 4)
    assert (pool(cluster, CLUSTER).size, cluster.gpus) == (4, 1.0)


def test_a_cluster_without_gpus_trains_on_its_cores_whatever_the_driver_has(
    of: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aebnas.search.workers.resources.usable_gpus", lambda: 2)
    cluster = of(32)
    assert (pool(cluster, CLUSTER).size, cluster.gpus) == (32, 0.0)


def test_a_given_number_of_workers_is_a_limit_on_a_cluster_too(of: Callable[..., Watched]) -> None:
    assert pool(of(32), CLUSTER, "workers.count=5").size == 5
    assert pool(of(3), CLUSTER, "workers.count=5").size == 3


@pytest.mark.parametrize(
    ("gpus", "share", "count"), [(2, 0.4, 4), (1, 0.1, 10), (3, 1, 3), (5, 2, 2), (1, 2, 1)]
)
def test_shares_of_gpus_are_counted_gpu_by_gpu_on_this_machine_too(
    of: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch, gpus: int, share: float, count: int
) -> None:
    monkeypatch.setattr("aebnas.search.workers.resources.usable_gpus", lambda: gpus)
    assert pool(of(64, 64), f"workers.gpus_per_worker={share}").size == count


def test_a_cluster_too_small_for_one_worker_leaves_no_ray(of: Callable[..., Watched]) -> None:
    cluster = of(0.5)
    with pytest.raises(WorkerError, match="no worker fits"):
        pool(cluster, CLUSTER)
    assert cluster.closed == 1


@pytest.mark.parametrize("error", [RuntimeError("object store full"), KeyboardInterrupt()])
def test_a_pool_that_fails_after_ray_started_leaves_no_ray(
    of: Callable[..., Watched], error: BaseException
) -> None:
    cluster = of(2)
    cluster.error = error
    with pytest.raises(type(error)):
        pool(cluster)
    assert cluster.closed == 1
