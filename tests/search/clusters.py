"""Ray clusters of several nodes on this machine: a home of their own, bounded in time, ended for sure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

SECONDS = 900
"""After which a node ends by itself, should the tests be killed."""
TAG = "AEBNAS_TEST_NODE"
RAY = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]


class LocalCluster:
    """A head, and nodes that join and die."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = {}) -> None:
        """Start nothing yet."""
        self._folder = folder
        self._temp = Path("/tmp") / f"rc{uuid.uuid4().hex[:6]}"  # socket paths are short
        self._environment = dict(environment)
        self._name = uuid.uuid4().hex
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *_error: object) -> None:
        for node, process in self._started.items():
            self.kill(node)
            process.wait(30)
        subprocess.run(["rm", "-rf", str(self._temp)], check=True, timeout=30)

    def start_head(self, cpus: float = 1) -> None:
        self._start("head", "--head", f"--port={self.port}", f"--num-cpus={cpus:g}", "--num-gpus=0",
                    "--include-dashboard=false", f"--temp-dir={self._temp}")  # fmt: skip

    def join(self, node: str, cpus: float = 1) -> None:
        self._start(node, f"--address={self.address}", f"--num-cpus={cpus:g}", "--num-gpus=0")

    def pids(self, node: str, program: str = "") -> list[int]:
        """Return the processes of a node whose command line holds a word."""
        mark = f"{TAG}={self._name}-{node}".encode()
        marked = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = mark in (entry / "environ").read_bytes().split(b"\0")
                if is_ours and program.encode() in (entry / "cmdline").read_bytes():
                    marked.append(int(entry.name))
            except OSError:
                continue
        return marked

    def kill(self, node: str, program: str = "", number: int = signal.SIGKILL) -> None:
        """Kill the processes of a node, as a machine that loses its power, or one program of it."""
        for pid in self.pids(node, program):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _start(self, node: str, *options: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
        environment = {
            **inherited, "HOME": str(self._folder), "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_memory_monitor_refresh_ms": "0",
            **self._environment, TAG: f"{self._name}-{node}",
        }  # fmt: skip
        with (self._folder / f"{node}.log").open("wb") as log:
            self._started[node] = subprocess.Popen(
                ["timeout", str(SECONDS), *RAY, *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(node)

    def _wait(self, node: str) -> None:
        end = time.monotonic() + 180
        while b"Ray runtime started" not in (self._folder / f"{node}.log").read_bytes():
            if self._started[node].poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._folder / f"{node}.log").read_text())
            time.sleep(0.2)


def free_port() -> int:
    """Return a port that nobody listens at, outside the range from which systems and Ray take theirs."""
    for port in range(21000 + os.getpid() % 4000, 26000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no port is free")
