"""How many workers a machine holds: GPUs that cannot be used do not count."""

import pytest

from aebnas.config.schema import WorkersConfig
from aebnas.hardware.devices.devices import Gpu
from aebnas.search.workers import resources
from aebnas.search.workers.resources import worker_count, worker_gpus


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two GPUs, and torch's CUDA build."""
    monkeypatch.setattr(resources, "gpus", lambda: tuple(Gpu(i, "GPU", 80_000.0, "570.1") for i in range(2)))
    monkeypatch.setattr(resources, "version", lambda _package: "2.13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def workers() -> tuple[float, int]:
    """Return GPUs per worker and workers, where the file leaves both to the machine."""
    config = WorkersConfig()
    return worker_gpus(config), worker_count(config, worker_gpus(config))


def test_each_gpu_gets_a_worker() -> None:
    assert workers() == (1.0, 2)


def test_a_fraction_of_a_gpu_makes_more_workers() -> None:
    assert worker_count(WorkersConfig(gpus_per_worker=0.25), 0.25) == 8


@pytest.mark.parametrize(("visible", "count"), [("0", 1), ("1,0", 2), ("0,1,2", 2)])
def test_only_visible_gpus_count(monkeypatch: pytest.MonkeyPatch, visible: str, count: int) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert workers() == (1.0, count)


@pytest.mark.parametrize("visible", ["", "-1"])
def test_hidden_gpus_leave_the_cores(monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(resources, "available_cores", lambda: 3)
    assert workers() == (0.0, 3)


def test_the_cpu_build_of_torch_uses_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "version", lambda _package: "2.13.0+cpu")
    assert worker_gpus(WorkersConfig()) == 0
