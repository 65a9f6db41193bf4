"""Damage in a sound database: told with table, row and cure, in whatever reads it."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import artefacts, evaluations, search_file, store_of

import aebnas
from aebnas.cli import main
from aebnas.errors import RunError
from aebnas.evaluation.record import Outcome
from aebnas.exits.targets import Accuracy, TargetCheck
from aebnas.report.files.front_csv import front_csv
from aebnas.report.files.optuna_study import _trials
from aebnas.report.files.winners import winner_text, winners
from aebnas.report.page.page_data import page_data
from aebnas.report.page.surrogate_section import surrogate_sections
from aebnas.report.text.notes import warnings
from aebnas.report.text.summary import headline, progress_summary, provenance
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.reading import read_runs
from aebnas.runs.store.store import RunStore
from aebnas.search.events import PredictedCandidate, SurrogateStatus

CONFIG = search_file("evaluation.fidelities=[inherited, {trained: 9, keep: 2}]", "search.surrogate=auto")
STATUS = SurrogateStatus(
    is_on=True, reason="tau is 0.5", models={"error": "gp"}, fold_tau={"error": 0.3}, tau=0.5, compared=8,
    bias=0.01, coverage=0.9, gains={"surrogate": 0.001}, chance=0.6,
    predictions=(PredictedCandidate("0" * 16, "surrogate", 0.3, 0.25),),
)  # fmt: skip
METADATA = {
    "train_images": 1000, "elapsed_seconds": 12.5, "not_repeatable": None, "changes": ["processor: a"],
    "hardware": {}, "supernet": {
        "origin": "trained", "seconds": 3.0, "processes": 1, "device": "cpu", "processor": "p", "steps": 2,
        "looked_at": 2, "accuracies": {"smallest": [0.5, 0.6]}, "is_mixed": False,
    },
}  # fmt: skip
TABLES = {
    "evaluations": ("key", "fidelity", "evaluation", "calibrate", "select", "finished_at"),
    "attempts": ("key", "fidelity", "started_at"),
    "generations": ("number", "summary"),
    "metadata": ("value",),
}
"""Every column that is read; ``context`` and the names of metadata only choose rows."""


def whole_run(path: Path) -> None:
    """Write a run in which every table has rows, and every optional part of them is there."""
    found = evaluations(CONFIG, 4, ["out of memory"])
    target_check = TargetCheck(Accuracy(0.9), 0.8, 1e5, 0.0, 0.1).to_dict() | {"violation": 0.1}
    found = [
        replace(one, epochs=0, fidelity="inherited", target_check=target_check if one.is_done else None)
        for one in found
    ]
    store = store_of(path, CONFIG, found, [3, 5], with_scores=True)
    trained = [replace(one, epochs=9, fidelity="inherited-trained9") for one in found[2:4]]
    for one in trained:
        store.add(Outcome(one, artefacts(one)), "context")
    last = store.generations()[-1]
    final = FinalTraining(trained[0].fidelity, 9, 2, tuple(one.key for one in trained), ())
    extra = {
        "finals": [asdict(final)], "reached": {found[0].key: "inherited"}, "full_trainings": 5.5,
        "surrogate": _plain(STATUS),
    }  # fmt: skip
    store.put_generation(2, {**last, **extra})
    for name, value in METADATA.items():
        store.put_metadata(name, value)
    store.close()


def _plain(status: SurrogateStatus) -> dict[str, Any]:
    return {**vars(status), "predictions": [vars(one) for one in status.predictions]}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("healthy") / "run"
    whole_run(path)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def damaged(healthy: Path, folder: Path, table: str, row: int, column: str, value: Any) -> Path:
    """Return a copy of a run with one other value; nothing guards what it may be."""
    path = folder / "run"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(healthy, path)
    with closing(sqlite3.connect(path / "run.sqlite")) as database, database:
        database.execute("PRAGMA journal_mode = DELETE")
        rows = database.execute(f"SELECT rowid, * FROM {table}").fetchall()
        names = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
        database.execute(f"DROP TABLE {table}")
        columns = ", ".join(f'"{name}"' for name in names)
        database.execute(f"CREATE TABLE {table} ({columns})")  # without types, keys and NOT NULL
        marks = ", ".join("?" * (len(names) + 1))
        for stored in rows:
            database.execute(f"INSERT INTO {table} (rowid, {columns}) VALUES ({marks})", stored)
        text = f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?'
        if value == "not UTF-8":
            text, value = f'UPDATE {table} SET "{column}" = CAST(? AS TEXT) WHERE rowid = ?', b"\xff\xfe{}"
        database.execute(text, (value, row))
    return path


def read_everything(path: Path) -> None:
    """Read a run as reports, frames, studies and searches do."""
    store = RunStore(path)
    try:
        runs = read_runs([store])
        for part in (headline, provenance, progress_summary, warnings):
            part(runs[0])
        surrogate_sections(runs)
        page_data(runs, [store], {}, [None])
        front_csv(runs, {})
        [winner_text(one) for one in winners(runs[0])]
        for name in METADATA:
            store.metadata(name)
        for one in store.evaluations():
            store.find(one.key, "context", one.fidelity)
            store.exit_records(one.key, one.fidelity)
    finally:
        store.close()
    loaded = aebnas.load_run(path)
    loaded.to_frame()
    list(_trials(loaded))


def cells(path: Path) -> Iterator[tuple[str, int, str, Any]]:
    """Yield table, row, column and value of every cell that is read."""
    with closing(sqlite3.connect(path / "run.sqlite")) as database:
        for table, columns in TABLES.items():
            for column in columns:
                for row, value in database.execute(f'SELECT rowid, "{column}" FROM {table}'):
                    yield table, row, column, value


def test_a_whole_run_is_read(healthy: Path, scratch: Path) -> None:
    read_everything(healthy)
    first = next(one for one in cells(healthy) if one[2] == "evaluation")
    read_everything(damaged(healthy, scratch, *first))  # an untyped copy is as good


WRONG: dict[str, Callable[[Any], Any]] = {
    "NULL": lambda value: None,
    "no JSON": lambda value: "{",
    "a list": lambda value: "[]",
    "nothing": lambda value: "",
    "too deep": lambda value: "[" * 100_000,
    "bytes": lambda value: b"\x00\xff",
    "not UTF-8": lambda value: "not UTF-8",
    "half": lambda value: value[: len(value) // 2] if isinstance(value, str | bytes) else -7,
    "a fraction": lambda value: 1.5,
}


ALIKE = ("a list", "nothing", "bytes", "a fraction")
"""They take the ways of the others, and are slow to try with every column."""


@pytest.mark.parametrize(
    "wrong", [pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else []) for name in WRONG]
)
def test_every_cell_that_is_damaged_is_named(healthy: Path, scratch: Path, wrong: str) -> None:
    seen = set()
    for table, row, column, value in cells(healthy):
        if (table, column) in seen or value is None:
            continue  # one row of every column
        seen.add((table, column))
        path = damaged(healthy, scratch, table, row, column, WRONG[wrong](value))
        with pytest.raises(RunError) as caught:
            read_everything(path)
        words = str(caught.value)
        if (table, column) == ("generations", "number"):  # a number is its row as well
            assert "table generations, row" in words
        elif column == "key" and "evaluation" in TABLES[table]:  # which of the two is wrong, nobody knows
            assert f"table {table}, row {row}, column " in words
        else:
            assert f"table {table}, row {row}, column {column}: " in words, (table, column)
        assert "run.sqlite is damaged" in words
        assert "Put a copy of the file back" in words
        assert caught.value.exit_code == 4


def test_every_fact_that_is_of_another_shape_is_named(healthy: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(healthy / "run.sqlite")) as database:
        rows = database.execute("SELECT rowid, name FROM metadata").fetchall()
    assert len(rows) >= 9
    for row, name in rows:
        path = damaged(
            healthy, scratch, "metadata", row, "value", '{"a": [1.5]}' if name != "supernet" else "7"
        )
        with pytest.raises(RunError, match=f"table metadata, row {row}, column value: "):
            read_everything(path)


@pytest.mark.parametrize("table", ["evaluations", "attempts", "generations", "metadata"])
def test_a_table_or_column_that_is_missing_is_named(healthy: Path, scratch: Path, table: str) -> None:
    for statement in (f"DROP TABLE {table}", f"ALTER TABLE {table} RENAME COLUMN {_last(table)} TO other"):
        path = damaged(healthy, scratch, table, 0, _last(table), None)
        with closing(sqlite3.connect(path / "run.sqlite")) as database:
            database.execute(statement)
        with pytest.raises(RunError, match=rf"is damaged: (it has no )?table {table}.*Put a copy of it back"):
            RunStore(path)


def _last(table: str) -> str:
    return TABLES[table][-1]


def leaves(plain: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of everything inside a JSON value, of long lists the first two."""
    few = plain[:2] if isinstance(plain, list) else ()
    for name, value in plain.items() if isinstance(plain, dict) else enumerate(few):
        yield (*place, name)
        yield from leaves(value, (*place, name))


GONE = object()
VALUES = [GONE, None, True, -1, 1e308, 0.5, "", "x", "9" * 16, [], [1], [[]], {}, {"x": 1}, float("nan")]


def changed(plain: Any, place: tuple[Any, ...], value: Any) -> str:
    """Return JSON in which something else, or nothing, stands at a place."""
    copy = json.loads(json.dumps(plain))
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return json.dumps(copy)


@given(data=st.data())
@settings(max_examples=15)
def test_whatever_stands_in_a_json_cell_it_is_read_or_named(healthy: Path, scratch: Path, data: Any) -> None:
    damage_json(healthy, scratch, data)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=1000)
def test_more_of_it(healthy: Path, scratch: Path, data: Any) -> None:
    damage_json(healthy, scratch, data)


def damage_json(healthy: Path, scratch: Path, data: Any) -> None:
    """Put something else at one place of one JSON cell, and read the run."""
    texts = [one for one in cells(healthy) if one[2] in ("evaluation", "summary", "value")]
    table, row, column, text = data.draw(st.sampled_from(texts))
    plain = json.loads(text)
    places = list(leaves(plain))
    value = data.draw(st.sampled_from(VALUES))
    if places:
        damage = changed(plain, data.draw(st.sampled_from(places)), value)
    else:
        damage = json.dumps(None if value is GONE else value)
    output = refusal(damaged(healthy, scratch, table, row, column, damage))
    # a front that does not fit what is stored is told of both
    assert not output or re.search(
        rf"table {table}, row {row}, column |its front names|table evaluations", output
    )


def refusal(path: Path) -> str:
    """Return why a run is refused; nothing where it is read."""
    try:
        read_everything(path)
    except RunError as error:
        return str(error)
    return ""


@given(data=st.data())
@settings(max_examples=10)
def test_whatever_bytes_stand_in_a_blob_they_are_read_or_named(
    healthy: Path, scratch: Path, data: Any
) -> None:
    damage_bytes(healthy, scratch, data)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=500)
def test_more_bytes(healthy: Path, scratch: Path, data: Any) -> None:
    damage_bytes(healthy, scratch, data)


def damage_bytes(healthy: Path, scratch: Path, data: Any) -> None:
    """Put other bytes into one blob, and read the run."""
    blobs = [one for one in cells(healthy) if one[2] in ("calibrate", "select") and one[3] is not None]
    table, row, column, blob = data.draw(st.sampled_from(blobs))
    at = data.draw(st.integers(0, len(blob) - 1))
    put_in = data.draw(st.binary(max_size=4))
    until = at + data.draw(st.integers(0, 8))
    path = damaged(healthy, scratch, table, row, column, blob[:at] + put_in + blob[until:])
    output = refusal(path)
    assert not output or f"table {table}, row {row}, column {column}: " in output


COMMANDS = {
    "report": ["report", "RUN"],
    "export-study": ["export-study", "RUN", "sqlite:///FOLDER/study.db"],
    "train": ["train", "RUN"],
    "exits": ["exits", "RUN"],
    "resume": ["resume", "RUN"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_a_run_ends_with_4_and_one_line(
    healthy: Path, scratch: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = damaged(healthy, scratch, "generations", 2, "summary", "{")
    words = [word.replace("RUN", str(path)).replace("FOLDER", str(scratch)) for word in COMMANDS[command]]
    assert main(words) == 4
    output = capsys.readouterr().err
    where = f"{path}/run.sqlite is damaged: table generations, row 2, column summary: "
    assert output.startswith(f"aebnas: {where}")
    assert output.count("\n") == 1
    assert not (scratch / "study.db").exists()


def test_the_cure_deletes_the_row_and_nothing_else(healthy: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(healthy / "run.sqlite")) as database:
        ((row,),) = database.execute("SELECT MAX(rowid) FROM evaluations")
    path = damaged(healthy, scratch, "evaluations", row, "evaluation", "{")
    with pytest.raises(RunError, match="row") as caught:
        read_everything(path)
    cure = re.search(r"sqlite3 (\S+) '(DELETE [^']+)' && aebnas resume (\S+)", str(caught.value))
    assert cure is not None
    assert cure[3] == str(path)
    with closing(sqlite3.connect(cure[1])) as database, database:
        assert database.execute(cure[2]).rowcount == 1
    read_everything(path)
