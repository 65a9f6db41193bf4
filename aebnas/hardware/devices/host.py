"""What the operating system tells of a CPU: governor, clock, energy counter, who else computes.

Linux answers all of it where the virtual machine lets it; elsewhere, and where a
file is missing, the answer is None.  Must not import torch.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
CPUINFO = Path("/proc/cpuinfo")
STAT = Path("/proc/stat")
RAPL = Path("/sys/class/powercap/intel-rapl:0")
IDLE_FIELDS = (3, 4)
"""Of the cpu line in /proc/stat: idle and iowait."""


def governor(file: Path = CPUFREQ) -> str | None:
    """Return the frequency governor of the first core."""
    try:
        return file.read_text().strip() or None
    except OSError:
        return None


def cores() -> int:
    """Return the logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def clock_mhz(file: Path = CPUINFO) -> float | None:
    """Return the highest clock among the cores now."""
    try:
        clocks = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return max(map(float, clocks), default=None)


class OtherProcesses:
    """How many cores other processes keep busy, between one look and the next."""

    def __init__(self, file: Path = STAT) -> None:
        """Begin to watch."""
        self._file = file
        self._before = self._now()

    @property
    def is_known(self) -> bool:
        """Return whether the system reports this."""
        return self._now() is not None

    def busy_cores(self) -> float | None:
        """Return the mean number of cores that others kept busy since the last look; None: unknown."""
        before, self._before = self._before, self._now()
        if before is None or self._before is None:
            return None
        seconds = self._before[0] - before[0]
        if seconds < 0.05:  # the counters tick 100 times a second
            self._before = before
            return None
        busy = (self._before[1] - before[1]) - (self._before[2] - before[2])
        return max(0.0, busy / seconds)

    def _now(self) -> tuple[float, float, float] | None:
        """Return wall-clock, busy seconds of all cores, and this process's own seconds."""
        try:
            line = self._file.read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            return None
        ticks = os.sysconf("SC_CLK_TCK")
        busy = sum(int(value) for i, value in enumerate(line) if i not in IDLE_FIELDS) / ticks
        return time.monotonic(), busy, time.process_time()


class RaplCounter:
    """The energy counter of an Intel or AMD package, in millijoules, its wrap-around undone."""

    name = "RAPL package counter"

    def __init__(self, folder: Path = RAPL) -> None:
        """Open the counter.

        Raises:
            OSError: There is none, or it may not be read (it needs root on most systems).
        """
        self._file = folder / "energy_uj"
        self._range_uj = int((folder / "max_energy_range_uj").read_text())
        self._last_uj = int(self._file.read_text())
        self._wrapped_uj = 0

    def read_mj(self) -> float:
        """Return millijoules since some moment in the past."""
        now = int(self._file.read_text())
        if now < self._last_uj:
            self._wrapped_uj += self._range_uj
        self._last_uj = now
        return (now + self._wrapped_uj) / 1e3
