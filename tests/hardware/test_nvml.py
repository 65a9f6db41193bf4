"""A GPU seen through NVML: what it tells, what it does not, and what disturbs a measurement."""

import os

import pynvml
import pytest
from hardware.fake_nvml import FakeNvml

from aebnas.errors import HardwareError
from aebnas.hardware.devices.nvml import THROTTLE_REASONS, NvmlDevice
from aebnas.hardware.measure.monitor import GpuMonitor
from aebnas.hardware.measure.open_device import NvmlCounter

QUESTIONS = {
    "nvmlDeviceGetEnforcedPowerLimit": ("power_limit_w", "power limit"),
    "nvmlSystemGetDriverVersion": ("driver", "driver"),
}
MEASURES = {
    "nvmlDeviceGetClockInfo": ("clock_mhz", "clock", 1980.0),
    "nvmlDeviceGetTemperature": ("temperature_c", "temperature", 45.0),
    "nvmlDeviceGetTotalEnergyConsumption": ("energy_mj", "energy counter", 1e6),
}


@pytest.fixture
def nvml() -> FakeNvml:
    return FakeNvml()


@pytest.fixture
def gpu(nvml: FakeNvml) -> NvmlDevice:
    return NvmlDevice("GPU-1234", nvml)


def test_the_fake_has_nothing_that_nvidia_ml_py_has_not() -> None:
    names = [name for name in vars(FakeNvml) if name.startswith(("nvml", "NVML"))]
    assert [name for name in names if not hasattr(pynvml, name)] == []
    for name in THROTTLE_REASONS:
        assert getattr(FakeNvml, name) == getattr(pynvml, name)


def test_a_gpu_is_found_by_index_and_by_uuid(nvml: FakeNvml) -> None:
    assert NvmlDevice(0, nvml).name == NvmlDevice("GPU-1234", nvml).name == "NVIDIA H100"


@pytest.mark.parametrize("which", [1, "GPU-4321"])
def test_a_gpu_that_is_not_there_is_an_error_that_leaves_nvml_closed(
    nvml: FakeNvml, which: int | str
) -> None:
    with pytest.raises(HardwareError, match=rf"GPU {which} is not there: .*aebnas devices"):
        NvmlDevice(which, nvml)
    assert nvml.is_open == 0


def test_a_machine_without_a_driver_has_no_gpu() -> None:
    with pytest.raises(HardwareError, match="Library Not Found"):
        NvmlDevice(0, FakeNvml(has_driver=False))


def test_nvml_is_closed_once(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    GpuMonitor(gpu).close()
    assert nvml.is_open == 0


def test_texts_that_come_as_bytes_and_units_are_converted(gpu: NvmlDevice) -> None:
    assert (gpu.name, gpu.driver, gpu.power_limit_w) == ("NVIDIA H100", "570.1", 700.0)
    assert gpu.unknown == set()


@pytest.mark.parametrize(("function", "known"), MEASURES.items())
def test_a_quantity_is_told_where_the_board_has_it(
    gpu: NvmlDevice, function: str, known: tuple[str, str, float]
) -> None:
    assert getattr(gpu, known[0])() == known[2]
    assert gpu.unknown == set()


@pytest.mark.parametrize(("function", "known"), MEASURES.items())
def test_a_quantity_that_is_not_supported_is_unknown_and_never_zero(
    nvml: FakeNvml, gpu: NvmlDevice, function: str, known: tuple[str, str, float]
) -> None:
    nvml.unsupported.add(function)
    assert getattr(gpu, known[0])() is None
    assert gpu.unknown == {known[1]}


@pytest.mark.parametrize(("function", "known"), QUESTIONS.items())
def test_a_fact_that_is_not_supported_is_unknown(
    nvml: FakeNvml, gpu: NvmlDevice, function: str, known: tuple[str, str]
) -> None:
    nvml.unsupported.add(function)
    assert getattr(gpu, known[0]) is None
    assert gpu.unknown == {known[1]}


def test_a_board_without_a_name_is_an_unknown_gpu(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    nvml.unsupported.add("nvmlDeviceGetName")
    assert gpu.name == "unknown GPU"


def test_a_function_that_an_older_library_lacks_is_unknown(
    gpu: NvmlDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(FakeNvml, "nvmlDeviceGetTotalEnergyConsumption")
    assert gpu.energy_mj() is None
    assert gpu.unknown == {"energy counter"}


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0, ()),
        (1, ()),
        (4, ("power cap",)),
        (1 | 8 | 64, ("hardware slowdown", "thermal slowdown (hardware)")),
        (16 | 32 | 128, ("thermal slowdown (driver)", "power brake", "sync boost")),
    ],
)
def test_reasons_for_lower_clocks_are_named_but_idling_is_none(
    nvml: FakeNvml, gpu: NvmlDevice, bits: int, reasons: tuple[str, ...]
) -> None:
    nvml.reasons = bits
    assert gpu.throttled() == reasons


def test_strangers_are_all_processes_but_this_one(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    nvml.compute, nvml.graphics = [os.getpid(), 70001], [70002, 70001]
    assert gpu.strangers() == ("pid 70001", "pid 70002")


def test_a_process_list_that_is_not_supported_holds_no_strangers_and_is_said(
    nvml: FakeNvml, gpu: NvmlDevice
) -> None:
    nvml.unsupported |= {"nvmlDeviceGetComputeRunningProcesses"}
    nvml.graphics = [70002]
    assert gpu.strangers() == ("pid 70002",)
    assert gpu.unknown == {"processes"}


# ---------------------------------------------------------------- monitor
def test_a_round_is_throttled_before_it_is_shared(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    monitor = GpuMonitor(gpu)
    notes = [monitor.look()]
    nvml.compute = [70001]
    notes.append(monitor.look())
    nvml.reasons = 4
    notes.append(monitor.look())
    nvml.compute, nvml.reasons = [], 1
    notes.append(monitor.look())
    assert notes == ["", "shared", "throttled", ""]


def test_conditions_hold_everything_that_was_seen_once(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    monitor = GpuMonitor(gpu)
    for clock, temperature, reasons in ((1000, 40, 4), (1900, 60, 4), (1500, 50, 1)):
        nvml.clock, nvml.temperature, nvml.reasons = clock, temperature, reasons
        monitor.look()
    found = monitor.conditions()
    assert (found.clock_mhz, found.temperature_c) == ((1000, 1500, 1900), (40, 50, 60))
    assert (found.throttled, found.strangers, found.unknown) == (("power cap",), (), ())


def test_conditions_say_what_the_board_would_not_tell(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    nvml.unsupported |= {"nvmlDeviceGetClockInfo", "nvmlDeviceGetCurrentClocksThrottleReasons"}
    monitor = GpuMonitor(gpu)
    assert monitor.look() == ""
    assert monitor.conditions().clock_mhz == ()
    assert monitor.conditions().unknown == ("clock", "throttle reasons")


def test_the_device_is_described(gpu: NvmlDevice) -> None:
    found = GpuMonitor(gpu).device()
    assert (found.name, found.driver, found.power_limit_w) == ("NVIDIA H100", "570.1", 700.0)


def test_the_counter_reads_millijoules_or_nothing(nvml: FakeNvml, gpu: NvmlDevice) -> None:
    assert NvmlCounter(gpu).read_mj() == 1e6
    nvml.unsupported.add("nvmlDeviceGetTotalEnergyConsumption")
    assert NvmlCounter(gpu).read_mj() is None
