"""The pool of Ray actors, on real digits: deaths, hanging, equal fronts."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ray.exceptions import RayActorError
from search.fakes import fake_config, fake_failure

from aebnas.config import SearchFile, load
from aebnas.errors import ConfigError, WorkerError
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Status
from aebnas.runs.store.store import RunStore
from aebnas.search.events import CandidateStarted, Event, Generation, WorkerLost
from aebnas.search.session import new_session
from aebnas.search.workers.cluster.actors import _reason, _Worker
from aebnas.space.search_space import StagedSpace

DIGITS = """
name: digits
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {width: [8, 12]}
  stages:
    - {depth: [1, 2], width: [8, 12], block: {type: [residual, conv]}}
    - {depth: 1, width: [16, 24], stride: 2, block: {type: [residual, mbconv], kernel: [3, 5]}}
  exits: {after: [stage1], branch: {modules: [0, 1], module: {type: [conv, pool], width: [0.5, 1.0]}}}
training: {epochs: 2, batch_size: 64}
search: {population: 4, generations: 2, max_trainings: 7}
workers: {count: 1, gpus_per_worker: 0}
"""


@pytest.fixture
def digits(tmp_path: Path) -> Callable[..., SearchFile]:
    (tmp_path / "digits.yaml").write_text(DIGITS)
    return lambda *overrides: load(tmp_path / "digits.yaml", overrides)


def search(
    config: SearchFile, path: Path, listener: Callable[[Event], None] = lambda event: None
) -> Generation:
    with new_session(config, path, listener) as one:
        return list(one.run())[-1]


def worker_pids() -> list[int]:
    """Return the processes of this session's Ray actors."""
    return descendants(os.getpid(), "ray::_Worker")


def descendants(ancestor: int, program: str) -> list[int]:
    """Return the processes below one whose command line holds a word."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if program.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return [pid for pid in found if is_descendant(pid, ancestor)]


def is_descendant(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def test_serial_one_and_two_workers_find_the_same_front(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    serial = search(digits("workers.mode=serial"), tmp_path / "serial")
    assert search(digits(), tmp_path / "one") == serial
    assert search(digits("workers.count=2"), tmp_path / "two") == serial


def test_a_killed_worker_is_replaced_and_the_front_is_the_same(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    events: list[Event] = []

    def kill_the_second(event: Event) -> None:
        events.append(event)
        starts = [e for e in events if isinstance(e, CandidateStarted)]
        if isinstance(event, CandidateStarted) and len(starts) == 2:
            threading.Timer(0.2, lambda: [os.kill(pid, signal.SIGKILL) for pid in worker_pids()]).start()

    killed = search(digits("training.epochs=6"), tmp_path / "killed", kill_the_second)
    assert [e.retry for e in events if isinstance(e, WorkerLost)] == [True]
    assert killed.failed == 0
    assert search(digits("training.epochs=6", "workers.mode=serial"), tmp_path / "whole") == killed


def test_a_candidate_that_kills_every_worker_is_recorded_and_the_search_goes_on(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    victims: list[str] = []

    def kill_under_the_first(event: Event) -> None:
        if isinstance(event, CandidateStarted) and event.key in (victims or [event.key]):
            victims[:] = [event.key]
            threading.Timer(0.2, lambda: [os.kill(pid, signal.SIGKILL) for pid in worker_pids()]).start()

    config = digits("workers.retries=1", "training.epochs=6")
    last = search(config, tmp_path / "run", kill_under_the_first)
    assert last.failed == 1
    assert last.trainings == 7
    store = RunStore(tmp_path / "run")
    done = {e.key: e for e in store.evaluations()}
    store.close()
    assert done[victims[0]].status_text.startswith("failed: its worker died 2 times")
    assert {e.epochs for e in done.values()} == {config.training.epochs}, "of a lost one those it was to have"


def test_a_hanging_candidate_is_stopped_and_marks_the_run(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    config = digits("training.epochs=100000", "workers.timeout_minutes=0.1", "search.max_trainings=1")
    with pytest.raises(WorkerError, match="timeout_minutes"):
        search(config, tmp_path / "run")
    store = RunStore(tmp_path / "run")
    assert "timeout_minutes" in store.metadata("not_repeatable")
    store.close()


def test_nothing_of_ray_is_left_running(digits: Callable[..., SearchFile], tmp_path: Path) -> None:
    seen: set[int] = set()

    def look(event: Event) -> None:
        if isinstance(event, CandidateStarted):
            for program in ("raylet", "gcs_server", "ray::"):
                seen.update(descendants(os.getpid(), program))

    search(digits("search.max_trainings=1"), tmp_path / "run", look)
    assert len(seen) >= 3
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(is_running(pid) for pid in seen):
        time.sleep(0.2)
    assert not any(is_running(pid) for pid in seen)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty: ended, and nobody has asked
    except OSError:
        return False


def test_a_worker_whose_gpu_broke_gives_up_instead_of_failing_every_candidate() -> None:
    def worker(status: Status, message: str) -> _Worker:
        found = object.__new__(_Worker)
        failure = lambda a, step: fake_failure(a, status, message)  # noqa: E731
        found._evaluator = SimpleNamespace(evaluate=failure)  # type: ignore[assignment]
        return found

    config = fake_config()
    space = StagedSpace(config.space, 8, config.search.budget_fractions)
    architecture = space.decode(space.sample(np.random.default_rng(0)))
    with pytest.raises(WorkerError, match="illegal memory access"):
        worker(Status.BROKEN_DEVICE, "an illegal memory access").evaluate(architecture, Step(0))
    memory = worker(Status.OUT_OF_MEMORY, "CUDA error: out of memory").evaluate(architecture, Step(0))
    assert memory.evaluation.status is Status.OUT_OF_MEMORY


def test_a_cutout_larger_than_the_images_is_refused_before_the_run_begins(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"cutout 9 is larger than the images.*largest valid value is 8"):
        search(digits("training.augment.cutout=9"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_cluster_that_does_not_answer_is_a_clear_error(
    digits: Callable[..., SearchFile], tmp_path: Path
) -> None:
    config = digits("workers.address='127.0.0.1:1'")
    with pytest.raises(WorkerError, match=r"Ray did not start at 127\.0\.0\.1:1.*workers\.mode=serial"):
        search(config, tmp_path / "run")


def test_a_worker_that_cannot_start_stops_the_search(
    digits: Callable[..., SearchFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluator, "evaluate", None)  # the driver's own class is not the worker's
    config = digits("workers.gpus_per_worker=1")
    with pytest.raises(WorkerError, match="no worker fits"):
        search(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("The actor died unexpectedly before finishing this task.\n\tclass_name: _Worker\n"
         "Worker unexpectedly exits with a connection error code 2. End of file.",
         "Worker unexpectedly exits with a connection error code 2. End of file."),
        ("The actor died because of an error raised in its creation task, ray::_Worker.__init__()\n"
         "  File \"x.py\", line 1\nModuleNotFoundError: No module named 'aebnas'",
         "ModuleNotFoundError: No module named 'aebnas'"),
        ("The actor with name _Worker failed to import on the worker. Traceback:\nValueError: bad",
         "ValueError: bad"),
    ],
)  # fmt: skip
def test_why_a_worker_died_is_one_line_that_says_it(text: str, message: str) -> None:
    assert _reason(RayActorError(error_msg=text)) == message
