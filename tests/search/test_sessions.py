"""Sessions on real data and a pool that answers at once: what is checked before anything is trained."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from search.fakes import FakePool, fake_config, fake_failure, fake_outcome

from aebnas.config import SearchFile
from aebnas.errors import ConfigError, RunError, WorkerError
from aebnas.evaluation.record import Outcome, Status
from aebnas.runs.store.store import RunStore
from aebnas.search import session
from aebnas.search.events import Event, Generation, Warned
from aebnas.space.architecture import StagedArchitecture


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> list[FakePool]:
    """The pools that sessions made; tests may put one in advance."""
    made: list[FakePool] = []

    def make(*_arguments: object) -> FakePool:
        made.append(FakePool())
        return made[-1]

    monkeypatch.setattr(session, "SerialPool", make)
    return made


def start(path: Path, config: SearchFile) -> list[Generation]:
    with session.new_session(config, path) as search:
        return list(search.run())


def resume(
    path: Path, *overrides: str, listener: Callable[[Event], None] = print, retry_failures: bool = False
) -> list[Generation]:
    with session.resumed_session(path, overrides, listener, retry_failures=retry_failures) as search:
        return list(search.run())


def not_repeatable(path: Path) -> object:
    store = RunStore(path)
    try:
        return store.metadata("not_repeatable")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("search.generations=3", r"finished 4 generations already: search\.generations must be >= 4.*got 3"),
        ("search.max_trainings=23", r"finished 24 trainings already: search\.max_trainings must be >= 24"),
    ],
)
def test_an_end_before_what_is_finished_is_refused_and_changes_nothing(
    tmp_path: Path, override: str, words: str
) -> None:
    start(tmp_path / "run", fake_config())
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    with pytest.raises(RunError, match=words):
        resume(tmp_path / "run", override)
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_an_end_at_what_is_finished_trains_nothing(tmp_path: Path, pool: list[FakePool]) -> None:
    whole = start(tmp_path / "run", fake_config())
    assert resume(tmp_path / "run", "search.generations=4", "search.max_trainings=24") == whole
    assert len(pool) == 1


def test_a_generation_that_the_time_limit_cut_may_be_left_out(tmp_path: Path) -> None:
    start(tmp_path / "run", fake_config("search.generations=2"))
    resume(tmp_path / "run", "search.generations=4", "search.max_minutes=1e-9")
    resume(tmp_path / "run", "search.generations=2", "search.max_minutes=null")
    store = RunStore(tmp_path / "run")
    assert [generation["number"] for generation in store.generations()] == [1, 2]
    store.close()


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_initial_limits_that_admit_nothing_leave_no_run_directory(tmp_path: Path, algorithm: str) -> None:
    config = fake_config("search.initial_max_macs=10", f"search.algorithm={algorithm}")
    with pytest.raises(ConfigError, match="initial_max_macs"):
        start(tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("machine", "processor"), "processor: Z80, then "),
        (("machine", "gpus"), "GPU: Z80, then "),
        (("code",), "AEBNAS's code: Z80, then "),
    ],
)
def test_trainings_under_changed_conditions_are_warned_of_and_mark_the_run_for_good(
    tmp_path: Path, path: tuple[str, ...], words: str
) -> None:
    start(tmp_path / "run", fake_config())
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    elsewhere = deepcopy(environment)
    (elsewhere["machine"] if len(path) == 2 else elsewhere)[path[-1]] = (
        [{"name": "Z80"}] if path[-1] == "gpus" else "Z80"
    )
    (tmp_path / "run" / "environment.json").write_text(json.dumps(elsewhere))
    events: list[Event] = []
    resume(tmp_path / "run", listener=events.append)
    assert [words in event.text for event in events if isinstance(event, Warned)] == [True]
    assert not_repeatable(tmp_path / "run") is None  # nothing was trained
    resume(tmp_path / "run", "search.generations=5")
    (tmp_path / "run" / "environment.json").write_text(json.dumps(environment))
    resume(tmp_path / "run", "search.generations=6", listener=events.append)
    assert sum(isinstance(event, Warned) for event in events) == 1
    assert words in str(not_repeatable(tmp_path / "run"))


def test_a_run_continued_where_it_began_is_repeatable(tmp_path: Path) -> None:
    start(tmp_path / "run", fake_config())
    resume(tmp_path / "run", "search.generations=5")
    assert not_repeatable(tmp_path / "run") is None


def out_of_memory(architecture: StagedArchitecture) -> Outcome:
    return fake_failure(architecture, Status.OUT_OF_MEMORY)


def test_a_first_generation_without_memory_names_the_retry_which_then_finishes_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start(tmp_path / "whole", fake_config())
    with monkeypatch.context() as patch:
        patch.setattr(session, "SerialPool", lambda *_arguments: FakePool(outcome=out_of_memory))
        with pytest.raises(WorkerError, match=r"aebnas resume .*run --retry-failures"):
            start(tmp_path / "run", fake_config())
    assert resume(tmp_path / "run", retry_failures=True) == whole
    assert not_repeatable(tmp_path / "run") is None


def test_a_retry_keeps_every_training_and_every_failure_of_a_candidate_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sometimes(architecture: StagedArchitecture) -> Outcome:
        kind = int(architecture.key(), 16) % 4
        failures = {0: out_of_memory, 1: fake_failure}
        return failures.get(kind, fake_outcome)(architecture)

    def statuses() -> dict[str, str]:
        store = RunStore(tmp_path / "run")
        found = {one.key: one.status_text for one in store.evaluations()}
        store.close()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(session, "SerialPool", lambda *_arguments: FakePool(outcome=sometimes))
        start(tmp_path / "run", fake_config())
    before = statuses()
    assert {"done", "failed: diverged", "failed: out of memory at 900 MB"} == set(before.values())
    resume(tmp_path / "run")
    assert statuses() == before
    resume(tmp_path / "run", retry_failures=True)
    after = statuses()
    kept = {key: status for key, status in before.items() if "memory" not in status}
    assert kept.items() <= after.items()
    assert not any("memory" in status for status in after.values())
