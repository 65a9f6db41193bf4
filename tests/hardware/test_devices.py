"""What this machine has, with and without a driver."""

import json
from types import SimpleNamespace

import pynvml
import pytest

from aebnas.hardware.devices.devices import Gpu, gpus, machine


def fail(*_arguments: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML as it answers on a machine with two GPUs."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: b"570.1",
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda _handle: SimpleNamespace(total=80e9),
        "nvmlDeviceGetName": lambda handle: f"GPU {handle}",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


def test_a_machine_without_a_driver_has_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert gpus() == ()


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_listed_with_name_memory_and_driver() -> None:
    assert gpus() == (Gpu(0, "GPU 0", 80_000.0, "570.1"), Gpu(1, "GPU 1", 80_000.0, "570.1"))


@pytest.mark.usefixtures("two_gpus")
def test_a_driver_that_fails_half_way_means_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", fail)
    assert gpus() == ()


@pytest.mark.usefixtures("two_gpus")
def test_a_machine_is_described_in_plain_values() -> None:
    described = machine()
    assert json.loads(json.dumps(described)) == described
    assert [gpu["index"] for gpu in described["gpus"]] == [0, 1]
    assert described["processor"]
