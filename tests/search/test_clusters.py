"""Searches on real Ray processes that die, join and ask for tokens: exit codes, words, equal fronts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from search.clusters import LocalCluster
from search.test_workers import DIGITS, descendants, is_running

pytestmark = pytest.mark.slow

Record = dict[str, Any]
TOKEN = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
LONG = ("training.epochs=12", "search.max_trainings=7")


class Command:
    """``aebnas`` in a process with a home of its own; what it prints is looked at to the last line."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.environment: dict[str, str] = {}
        self.records: list[Record] = []
        self.errors = ""
        self.pid = 0

    def run(self, *words: str, meanwhile: Callable[[Record, Command], None] | None = None) -> int:
        """Return the exit code; every line must be JSON or marked as ours."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
        self.records = []
        with (
            (self._home / "errors").open("wb+") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "aebnas", *words, "--json"],
                env={**inherited, "HOME": str(self._home), **self.environment},
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            self.pid = process.pid
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    self.records.append(json.loads(line))
                    if meanwhile is not None:
                        meanwhile(self.records[-1], self)
                code = process.wait(120)
            finally:
                process.kill()
            errors.seek(0)
            self.errors = errors.read().decode()
        assert all(line.startswith("aebnas: ") for line in self.errors.splitlines()), self.errors
        return code

    def reported(self, event: str) -> list[Record]:
        return [record for record in self.records if record["event"] == event]

    @property
    def last(self) -> Record:
        generation = self.reported("generation")[-1]
        return {name: generation[name] for name in ("front", "hypervolume", "trainings", "failed")}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    (tmp_path / "digits.yaml").write_text(DIGITS)
    return Command(tmp_path)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path) as nodes:
        yield nodes


@pytest.fixture
def token_cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Return what one worker in one process finds, by its training epochs."""
    home = tmp_path_factory.mktemp("serial")
    (home / "digits.yaml").write_text(DIGITS)
    command = Command(home)
    fronts = {}
    for epochs in (2, 12):
        words = search(home, f"training.epochs={epochs}", "workers.mode=serial")
        assert command.run(*words, "--name", f"serial{epochs}") == 0
        fronts[epochs] = command.last
    return fronts


def search(home: Path, *overrides: str, address: str | None = None) -> list[str]:
    on_cluster = [] if address is None else [f"workers={{address: '{address}', gpus_per_worker: 0}}"]
    settings = [word for one in (*on_cluster, *overrides) for word in ("--set", one)]
    return ["search", str(home / "digits.yaml"), "--runs", str(home / "runs"), *settings]


def at_start(number: int, act: Callable[[Command], None]) -> Callable[[Record, Command], None]:
    """Act a little after the candidate of that number began."""

    def meanwhile(record: Record, command: Command) -> None:
        if record["event"] == "candidate_started" and len(command.reported("candidate_started")) == number:
            time.sleep(0.3)
            act(command)

    return meanwhile


def test_a_killed_node_costs_one_candidate_a_second_try_and_the_front_stays(
    command: Command, cluster: LocalCluster, tmp_path: Path, serial: Record
) -> None:
    cluster.start_head()
    cluster.join("second")
    words = search(tmp_path, *LONG, "workers.retries=0", address=cluster.address)
    assert command.run(*words, meanwhile=at_start(3, lambda _: cluster.kill("second"))) == 0
    assert command.reported("workers_started")[0]["count"] == 2
    assert [record["retry"] for record in command.reported("worker_lost")] == [True]
    assert command.reported("workers_changed")[-1]["count"] == 1
    assert command.last == serial[12]


def test_a_node_that_joins_is_used_in_the_same_search(
    command: Command, cluster: LocalCluster, tmp_path: Path, serial: Record
) -> None:
    cluster.start_head()
    words = search(tmp_path, *LONG, address=cluster.address)
    assert command.run(*words, meanwhile=at_start(1, lambda _: cluster.join("second"))) == 0
    assert command.reported("workers_started")[0]["count"] == 1
    assert command.reported("workers_changed")[0]["count"] == 2
    assert max(record["busy"] for record in command.reported("candidate_started")) == 2
    assert command.last == serial[12]


@pytest.mark.parametrize(
    ("program", "number"),
    [("", signal.SIGKILL), ("", signal.SIGSTOP), ("gcs_server", signal.SIGKILL), ("raylet", signal.SIGKILL)],
    ids=["head killed", "head frozen", "gcs killed", "raylet killed"],
)
def test_without_a_head_the_search_ends_with_what_is_kept_and_the_command_that_continues(
    command: Command,
    cluster: LocalCluster,
    tmp_path: Path,
    serial: Record,
    program: str,
    number: signal.Signals,
) -> None:
    cluster.start_head()
    words = search(tmp_path, *LONG, address=cluster.address)
    kill = at_start(3, lambda _: cluster.kill("head", program, number))
    assert command.run(*words, meanwhile=kill) == 5
    assert "does not answer any more" in command.errors
    assert "2 evaluations are kept" in command.errors
    assert "aebnas resume" in command.errors
    assert command.run("resume", str(tmp_path / "runs" / "digits"), "--set", "workers.mode=serial") == 0
    assert sum(record["cached"] for record in command.reported("candidate_finished")) == 2
    assert command.last == serial[12]


@pytest.mark.parametrize("program", ["gcs_server", "raylet/raylet"])
def test_a_local_ray_that_dies_ends_the_search_in_order(
    command: Command, tmp_path: Path, program: str
) -> None:
    pids: list[int] = []

    def kill(running: Command) -> None:
        pids.extend(descendants(running.pid, "ray"))
        kill_below(running.pid, program)

    words = search(tmp_path, *LONG, "workers.count=1")
    assert command.run(*words, meanwhile=at_start(3, kill)) == 5
    assert re.search(r"Ray (is gone|on this machine has died)", command.errors)
    # a worker may finish what it has before it notices
    assert f"{len(command.reported('candidate_finished'))} evaluations are kept" in command.errors
    assert not (tmp_path / ".ray").exists()
    end = time.monotonic() + 60
    while time.monotonic() < end and any(is_running(pid) for pid in pids):
        time.sleep(0.2)
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_however_a_worker_dies_no_line_but_ours_is_printed(
    command: Command, tmp_path: Path, serial: Record, number: signal.Signals
) -> None:
    kill = at_start(3, lambda running: kill_below(running.pid, "ray::_Worker", number))
    assert command.run(*search(tmp_path, *LONG, "workers.count=1"), meanwhile=kill) == 0
    assert [record["retry"] for record in command.reported("worker_lost")] == [True]
    assert command.errors == ""
    assert command.last == serial[12]
    assert not (tmp_path / ".ray").exists(), "no token file of a local Ray"


def test_a_local_ray_that_dies_under_a_tuning_ends_it_with_the_trials_that_ended(
    command: Command, tmp_path: Path
) -> None:
    assert command.run(*search(tmp_path, "workers.mode=serial", "search.max_trainings=2")) == 0

    def kill(record: Record, running: Command) -> None:
        if record["event"] == "trial_ended" and record["number"] == 1:
            kill_below(running.pid, "gcs_server")

    words = ["train", str(tmp_path / "runs" / "digits"), "--tune", "8", "--epochs", "150"]
    assert command.run(*words, meanwhile=kill) == 5
    kept = len(command.reported("trial_ended"))
    assert f"{kept} of 8 trials are kept" in command.errors
    assert "aebnas train" in command.errors


def put_file(home: Path, token: str) -> dict[str, str]:
    (home / ".ray").mkdir(exist_ok=True)
    (home / ".ray" / "auth_token").write_text(token)
    return {}


def put_path(home: Path, token: str) -> dict[str, str]:
    (home / "token").write_text(token)
    return {"RAY_AUTH_TOKEN_PATH": str(home / "token")}


def put_words(home: Path, token: str) -> dict[str, str]:
    return {"RAY_AUTH_TOKEN": token}


def put_both(home: Path, token: str) -> dict[str, str]:
    return {"RAY_AUTH_TOKEN": token, "RAY_AUTH_MODE": "token"}


def forbid(home: Path, token: str) -> dict[str, str]:
    return {"RAY_AUTH_TOKEN": token, "RAY_AUTH_MODE": "disabled"}


def put_nothing(home: Path, token: str) -> dict[str, str]:
    return {}


def test_a_token_is_shown_where_the_cluster_asks_for_it_else_the_cure_is_named(
    command: Command, token_cluster: LocalCluster, tmp_path: Path, serial: Record
) -> None:
    token_cluster.start_head()
    for put, token, cure in [
        (put_nothing, "", r"asks for a token.*there is none here.*auth_token.*RAY_AUTH_TOKEN"),
        (put_words, OTHER, r"refuses the token of RAY_AUTH_TOKEN\. "),
        (put_path, OTHER, r"refuses the token of RAY_AUTH_TOKEN_PATH="),
        (put_path, "", r"there is none here \(.*token is empty\)"),
        (forbid, TOKEN, r"RAY_AUTH_MODE=disabled is set here\. Set RAY_AUTH_MODE=token"),
        (put_file, OTHER, r"refuses the token of .*auth_token"),
    ]:
        command.environment = put(tmp_path, token)
        assert command.run(*search(tmp_path, address=token_cluster.address), "--name", "refused") == 5
        assert re.search(cure, command.errors), command.errors
        subprocess.run(["rm", "-rf", str(tmp_path / "runs" / "refused")], check=True)
    for put in (put_words, put_path, put_both, put_file):
        command.environment = put(tmp_path, TOKEN)
        words = search(tmp_path, address=token_cluster.address)
        assert command.run(*words, "--name", put.__name__) == 0, command.errors
        assert command.last == serial[2]


def test_a_cluster_without_tokens_is_joined_whatever_token_lies_here(
    command: Command, cluster: LocalCluster, tmp_path: Path, serial: Record
) -> None:
    cluster.start_head()
    for put in (put_file, put_words):
        command.environment = put(tmp_path, TOKEN)
        words = search(tmp_path, address=cluster.address)
        assert command.run(*words, "--name", put.__name__) == 0, command.errors
        assert command.last == serial[2]
    command.environment = put_both(tmp_path, TOKEN)
    assert command.run(*search(tmp_path, address=cluster.address), "--name", "refused") == 5
    assert re.search("asks for no token.*unset RAY_AUTH_MODE", command.errors)


def kill_below(ancestor: int, program: str, number: int = signal.SIGKILL) -> None:
    """Kill the descendants of a process whose command line holds a word."""
    pids = descendants(ancestor, program)
    assert pids
    for pid in pids:
        os.kill(pid, number)
