"""Searches with successive halving that really train: digits, tiny networks."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aebnas.config.schema import SearchFile
from aebnas.report import front_table
from aebnas.runs.frame import load_run
from aebnas.runs.fronts.individuals import FrontPoint
from aebnas.runs.store.store import RunStore
from aebnas.search.events import CandidateStarted, Event
from aebnas.search.session import new_session, resumed_session

FILE: dict[str, Any] = {
    "name": "digits",
    "data": {"name": "digits"},
    "space": {
        "stem": {"width": [4, 8]},
        "stages": [{"width": [4, 8]}, {"width": [8, 12], "stride": 2}],
        "exits": {"after": ["stage1"], "branch": {"modules": 0}},
    },
    "training": {"epochs": 4, "batch_size": 64, "learning_rate": 0.2, "precision": "fp32"},
    "evaluation": {
        "fidelities": [{"trained": 1}, {"trained": 2, "keep": "1/2"}, {"trained": 4, "keep": "1/2"}]
    },
    "search": {"population": 4, "generations": 2},
    "workers": {"mode": "serial"},
}
CONFIG = SearchFile.model_validate(FILE)


def front(path: Path, config: SearchFile = CONFIG) -> tuple[FrontPoint, ...]:
    with new_session(config, path) as search:
        return [generation.front for generation in search.run()][-1]


def scores(path: Path) -> dict[str, Any]:
    return {one.key: (one.epochs, one.metrics(1.0)) for one in RunStore(path).evaluations()}


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[FrontPoint, ...]]:
    path = tmp_path_factory.mktemp("halving") / "run"
    return path, front(path)


def test_the_better_candidates_are_trained_longer(serial: tuple[Path, Any]) -> None:
    found = scores(serial[0]).values()
    assert Counter(epochs for epochs, _ in found) == {1: 4, 2: 2, 4: 2}
    best = {e: max(m["accuracy"] for epochs, m in found if epochs == e) for e in (1, 4)}
    assert best[4] > best[1]


@pytest.mark.parametrize("after", [2, 5, 6])
def test_a_search_that_is_resumed_ends_as_one_that_was_not(
    tmp_path: Path, serial: tuple[Path, Any], after: int
) -> None:
    started = 0

    def stop(event: Event) -> None:
        nonlocal started
        started += isinstance(event, CandidateStarted)
        if started > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_session(CONFIG, tmp_path / "run", stop) as search:
        list(search.run())
    with resumed_session(tmp_path / "run") as search:
        last = [generation.front for generation in search.run()][-1]
    assert last == serial[1]
    assert scores(tmp_path / "run") == scores(serial[0])


def test_epochs_are_said_in_frame_and_table(serial: tuple[Path, Any]) -> None:
    frame = load_run(serial[0]).to_frame()
    assert set(frame["epochs"]) == {1, 2, 4}
    table = front_table(RunStore(serial[0]))
    cells = next(list(column.cells) for column in table.columns if column.header == "epochs")
    assert set(cells) <= {"1", "2", "4"}
    assert "4" in cells


@pytest.mark.slow
def test_two_workers_find_the_same_front(tmp_path: Path, serial: tuple[Path, Any]) -> None:
    workers = SearchFile.model_validate(FILE | {"workers": {"count": 2, "gpus_per_worker": 0}})
    assert front(tmp_path / "ray", workers) == serial[1]
    assert scores(tmp_path / "ray") == scores(serial[0])
