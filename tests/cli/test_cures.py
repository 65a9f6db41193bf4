"""The cure that a damaged run is told with works: the search makes the row again, and ends as it had."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aebnas.runs.store.store import RunStore

CHANGING = ("seconds", "cpu_seconds", "memory_mb")


def said(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what a run says of its candidates, times left out, and of its generations."""
    store = RunStore(path)
    try:
        found = {one.key: one.to_dict() for one in store.evaluations()}
        plain = {key: {k: v for k, v in one.items() if k not in CHANGING} for key, one in found.items()}
        return plain, store.generations()
    finally:
        store.close()


@pytest.mark.parametrize(("table", "column"), [("evaluations", "evaluation"), ("generations", "summary")])
def test_a_damaged_row_is_made_again_to_the_same_run(
    tiny_search: tuple[Path, Any], run_command: Callable[..., Any], tmp_path: Path, table: str, column: str
) -> None:
    path = tmp_path / "run"
    shutil.copytree(tiny_search[0], path)
    before = said(path)
    with closing(sqlite3.connect(path / "run.sqlite")) as database, database:
        database.execute(f"UPDATE {table} SET {column} = '{{' WHERE rowid = 1")
    answer = run_command("report", path)
    assert answer.code == 4
    cure = re.search(r"sqlite3 (\S+) '(DELETE [^']+)' && aebnas (resume) (\S+)", answer.err)
    assert cure is not None, answer.err
    with closing(sqlite3.connect(cure[1])) as database, database:
        database.execute(cure[2])
    assert run_command(cure[3], cure[4]).code == 0
    assert said(path) == before
