"""What a run directory keeps, and what it refuses."""

import errno
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from search.fakes import fake_config, fake_failure, fake_outcome

from aebnas.errors import RunError
from aebnas.evaluation.record import Status
from aebnas.files.atomic import write_atomically
from aebnas.runs.store import artefacts as artefacts_module
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation
from aebnas.space.search_space import StagedSpace

CONFIG = fake_config()
SPACE = StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)
ARCHITECTURE = SPACE.decode(SPACE.sample(np.random.default_rng(0)))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path / "run", CONFIG, {"versions": {}})


def test_an_outcome_comes_back_as_it_was(store: RunStore) -> None:
    outcome = fake_outcome(ARCHITECTURE)
    store.add(outcome, "context")
    found = store.find(ARCHITECTURE.key(), "context", "trained8")
    assert found is not None
    assert found.to_dict() == outcome.evaluation.to_dict()
    records = store.exit_records(ARCHITECTURE.key(), "trained8")
    assert records is not None
    assert outcome.artefacts is not None
    assert np.array_equal(records[1].scores["confidence"], outcome.artefacts.select.scores["confidence"])
    assert np.array_equal(records[0].predictions, outcome.artefacts.calibrate.predictions)
    with np.load(store.artefacts.logits_path(ARCHITECTURE.key(), "trained8")) as logits:
        assert np.array_equal(logits["select"], outcome.artefacts.select_logits)
    assert store.artefacts.weights_path(ARCHITECTURE.key(), "trained8").read_bytes() == b"weights"


def test_an_evaluation_of_another_context_is_not_found(store: RunStore) -> None:
    store.add(fake_outcome(ARCHITECTURE), "context")
    assert store.find(ARCHITECTURE.key(), "other", "trained8") is None


def test_an_evaluation_of_another_fidelity_stands_beside_the_first_which_stays(store: RunStore) -> None:
    first = fake_outcome(ARCHITECTURE)
    second = replace(first, evaluation=replace(first.evaluation, fidelity="trained8-trained27", epochs=27))
    store.add(first, "context")
    store.add(second, "context")
    filed = {one.fidelity: one.epochs for one in store.filed()}
    assert filed == {"trained8": None, "trained8-trained27": 27}
    assert store.artefacts.kept() == {(ARCHITECTURE.key(), name) for name in filed}
    assert store.count() == 1


def test_a_failure_is_kept_with_its_reason(store: RunStore) -> None:
    store.add(fake_failure(ARCHITECTURE, Status.OUT_OF_MEMORY), "context")
    assert store.evaluations()[0].status_text == "failed: out of memory at 900 MB"
    assert store.exit_records(ARCHITECTURE.key(), "trained8") is None


def test_the_configuration_comes_back_equal(store: RunStore) -> None:
    assert store.config == CONFIG


def test_a_directory_without_a_run_is_refused_and_its_neighbours_named(store: RunStore) -> None:
    with pytest.raises(RunError, match=r"holds no run.*run"):
        RunStore(store.path.with_name("typo"))


def test_a_second_run_in_the_same_directory_is_refused_with_the_resume_command(store: RunStore) -> None:
    with pytest.raises(RunError, match=r"aebnas resume .*run"):
        RunStore.create(store.path, CONFIG, {})


def test_a_full_disk_is_told_with_the_cure(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(artefacts_module, "write_atomically", full)
    with pytest.raises(RunError, match=r"No space left on device.*aebnas resume"):
        store.add(fake_outcome(ARCHITECTURE), "context")
    assert store.find(ARCHITECTURE.key(), "context", "trained8") is None


def test_a_full_database_is_told_with_the_cure(store: RunStore) -> None:
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    contexts = [f"context {i}" for i in range(100)]
    with pytest.raises(RunError, match=r"full.*aebnas resume"):
        list(map(store.add, [fake_outcome(ARCHITECTURE)] * len(contexts), contexts))


def test_artefacts_that_cannot_be_deleted_are_told_with_the_cure(store: RunStore) -> None:
    store.artefacts.weights_path("key", "trained8").mkdir()
    with pytest.raises(RunError, match=r"cannot write to .*run.*aebnas resume"):
        store.artefacts.forget([("key", "trained8")])


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_database_is_in_wal_mode(store: RunStore) -> None:
    database = sqlite3.connect(store.path / "run.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    database.close()


def test_a_generation_that_changes_takes_the_later_ones_with_it(store: RunStore) -> None:
    for number in (1, 2, 3):
        store.put_generation(number, Generation(number, (), 6, 0, 0.5).summary((1.0, 1.0)))
    store.put_generation(2, Generation(2, (), 6, 0, 0.5).summary((1.0, 1.0)))
    assert len(store.generations()) == 3
    store.put_generation(2, Generation(2, (), 7, 0, 0.5).summary((1.0, 1.0)))
    assert [generation["number"] for generation in store.generations()] == [1, 2]
