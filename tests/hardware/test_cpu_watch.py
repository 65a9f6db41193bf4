"""What the operating system tells of a CPU, from files written here."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aebnas.hardware.devices import host
from aebnas.hardware.devices.host import OtherProcesses, RaplCounter
from aebnas.hardware.measure.monitor import CpuMonitor, spread

TICKS = 100
RANGE_UJ = 262_143_328_850


class Clock:
    """Wall-clock and own processor time, moved by hand."""

    def __init__(self) -> None:
        self.now, self.own = 100.0, 5.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.own


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(host, "time", found)
    monkeypatch.setattr(host, "os", SimpleNamespace(sysconf=lambda _name: TICKS))
    return found


def write_stat(path: Path, busy_seconds: float, idle_seconds: float = 0) -> Path:
    """/proc/stat: user nice system idle iowait irq softirq steal guest guest_nice."""
    user, idle = round(busy_seconds * TICKS), round(idle_seconds * TICKS)
    path.write_text(f"cpu  {user} 0 0 {idle} {idle} 0 0 0 777777 0\ncpu0 1 2 3\n")
    return path


def test_others_are_what_is_busy_without_this_process(tmp_path: Path, clock: Clock) -> None:
    others = OtherProcesses(write_stat(tmp_path / "stat", 50))
    clock.now, clock.own = clock.now + 10, clock.own + 9
    write_stat(tmp_path / "stat", 50 + 9 + 5, idle_seconds=400)
    assert others.busy_cores() == pytest.approx(0.5)


def test_each_look_counts_from_the_last(tmp_path: Path, clock: Clock) -> None:
    others = OtherProcesses(write_stat(tmp_path / "stat", 0))
    for seconds, expected in ((10, 1.0), (30, 2.0), (30, 0.0)):
        clock.now += 10
        write_stat(tmp_path / "stat", seconds)
        assert others.busy_cores() == pytest.approx(expected)


def test_a_look_too_soon_tells_nothing_and_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    others = OtherProcesses(write_stat(tmp_path / "stat", 0))
    clock.now += 0.01
    assert others.busy_cores() is None
    clock.now += 9.99
    write_stat(tmp_path / "stat", 5)
    assert others.busy_cores() == pytest.approx(0.5)


def test_rounding_never_makes_others_negative(tmp_path: Path, clock: Clock) -> None:
    others = OtherProcesses(write_stat(tmp_path / "stat", 0))
    clock.now, clock.own = clock.now + 1, clock.own + 1
    write_stat(tmp_path / "stat", 0.99)
    assert others.busy_cores() == 0


@pytest.mark.usefixtures("clock")
def test_a_system_without_the_file_tells_nothing(tmp_path: Path) -> None:
    assert OtherProcesses(tmp_path / "none").busy_cores() is None
    assert host.governor(tmp_path / "none") is None
    assert host.clock_mhz(tmp_path / "none") is None


def test_governor_and_highest_clock_are_read(tmp_path: Path) -> None:
    (tmp_path / "governor").write_text("performance\n")
    (tmp_path / "cpuinfo").write_text("cpu MHz\t\t: 2100.5\nmodel name: x\ncpu MHz\t\t: 3000.0\n")
    assert host.governor(tmp_path / "governor") == "performance"
    assert host.clock_mhz(tmp_path / "cpuinfo") == 3000.0


# ---------------------------------------------------------------- monitor
class Others:
    """Answers in turn."""

    def __init__(self, *answers: float | None) -> None:
        self.answers = list(answers)
        self.is_known = any(answer is not None for answer in answers)

    def busy_cores(self) -> float | None:
        return self.answers.pop(0)


def test_a_round_is_busy_where_others_take_a_quarter_of_the_cores_left_free() -> None:
    monitor = CpuMonitor(2, Others(0.4, 0.6, None, 0.5), cores=4)  # type: ignore[arg-type]
    assert [monitor.look() for _ in range(4)] == ["", "busy", "", ""]
    assert monitor.conditions().others_cores == (0.4, 0.5, 0.6)


def test_where_no_core_is_left_free_one_is_counted() -> None:
    monitor = CpuMonitor(2, Others(0.2, 0.3), cores=2)  # type: ignore[arg-type]
    assert [monitor.look() for _ in range(2)] == ["", "busy"]


def test_what_a_cpu_does_not_tell_is_said() -> None:
    monitor = CpuMonitor(1, Others(None), cores=2)  # type: ignore[arg-type]
    monitor.look()
    assert {"other processes", "temperature", "throttle reasons"} <= set(monitor.conditions().unknown)
    assert monitor.conditions().others_cores == ()


def test_the_processor_is_described() -> None:
    found = CpuMonitor(1).device()
    assert found.name
    assert found.cores == host.cores() >= 1


def test_a_spread_is_smallest_median_largest() -> None:
    assert spread([3.0, 1.0, 2.004]) == (1.0, 2.0, 3.0)
    assert spread([]) == ()


# ---------------------------------------------------------------- RAPL
def rapl(folder: Path, energy_uj: int) -> Path:
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    return folder


def test_rapl_counts_on_through_every_wrap_around(tmp_path: Path) -> None:
    counter = RaplCounter(rapl(tmp_path, RANGE_UJ - 1_000))
    output = [counter.read_mj()]
    for energy_uj in (2_000, 9_000, 5_000):  # two wrap-arounds
        rapl(tmp_path, energy_uj)
        output.append(counter.read_mj())
    assert np.diff(output) == pytest.approx([3.0, 7.0, RANGE_UJ / 1e3 - 4.0])


def test_a_machine_without_rapl_has_no_counter(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="max_energy_range_uj"):
        RaplCounter(tmp_path)
