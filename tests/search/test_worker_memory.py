"""Images that do not fit into memory once for every worker are refused before a worker starts."""

from typing import Any

import pytest
from search.fakes import fake_config

from aebnas.config import SearchFile
from aebnas.data.checks.metadata import DataMetadata, data_metadata
from aebnas.errors import DataError
from aebnas.search.workers import memory as worker_memory
from aebnas.search.workers.memory import check_workers_fit


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    there = {"bytes": 0}
    monkeypatch.setattr(worker_memory, "available_bytes", lambda own_limits: there["bytes"])
    monkeypatch.setattr(worker_memory, "worker_gpus", lambda _workers: 0)
    return there


def with_workers(**workers: Any) -> SearchFile:
    config = fake_config()
    plain = config.model_dump(mode="json") | {"workers": {"mode": "ray", **workers}}
    return SearchFile.model_validate(plain)


def check(config: SearchFile, metadata: DataMetadata) -> None:
    check_workers_fit(config.workers, config.training.augment, metadata, config.data.folder is not None)


def test_the_number_of_workers_that_fit_is_offered(free: dict[str, int]) -> None:
    config = with_workers(count=1000)
    metadata = data_metadata(config.data, must_read=False)
    free["bytes"] = 64 * metadata.counts[0] * 10 + 2 * 64 * sum(metadata.counts)
    with pytest.raises(DataError, match=r"for 1000 workers take .* Set workers\.count: (\d+)\.") as caught:
        check(config, metadata)
    offered = int(str(caught.value).rsplit(": ", 1)[1].rstrip("."))
    check(with_workers(count=offered), metadata)
    assert offered >= 8


def test_where_no_worker_fits_fewer_images_are_offered(free: dict[str, int]) -> None:
    config = with_workers(mode="serial")
    metadata = data_metadata(config.data, must_read=False)
    free["bytes"] = 64 * sum(metadata.counts[:3])
    with pytest.raises(DataError, match=r"Use fewer images with data\.limit: \d+\."):
        check(config, metadata)


@pytest.mark.parametrize("workers", [{"address": "auto"}, {"mode": "serial", "gpus_per_worker": 1}])
def test_memory_elsewhere_is_not_counted(free: dict[str, int], workers: dict[str, Any]) -> None:
    config = with_workers(**workers)
    metadata = data_metadata(config.data, must_read=False)
    free["bytes"] = 64 * sum(metadata.counts[:3])
    check(config, metadata)
