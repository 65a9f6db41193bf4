"""The process aside: whatever it does, this one goes on, knows how it ended, and its terminal stays clean."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aebnas.errors import DataError
from aebnas.search.workers.cluster.aside import Aside, GoneError


@pytest.fixture
def aside() -> Iterator[Aside]:
    child = Aside("search.aside_children", "serving")
    yield child
    child.close()


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": (1, "é")},
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.zeros((0, 3), dtype=np.uint8),
        {"big": np.random.default_rng(0).random(500_000), "other": [np.array(7)]},
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(10)[::2],
    ],
    ids=["none", "words", "array", "empty", "nested", "fortran", "strided"],
)
def test_what_is_sent_comes_back(aside: Aside, value: object) -> None:
    np.testing.assert_equal(aside.call(60, "echo", value), value)


def test_errors_of_ours_cross_and_defects_bring_their_traceback(aside: Aside) -> None:
    with pytest.raises(DataError, match="no such images"):
        aside.call(60, "refuse")
    with pytest.raises(RuntimeError, match=r"aside_children\.py(.|\n)*KeyError: 'a defect'"):
        aside.call(60, "break_down")
    assert aside.call(60, "echo", 3) == 3, "and it goes on"


@pytest.mark.parametrize(
    ("module", "words"), [("search.nowhere", "ModuleNotFoundError"), ("search.aside_children", "no_such")]
)
def test_a_child_that_cannot_begin_says_why(module: str, words: str) -> None:
    child = Aside(module, "no_such")
    with pytest.raises(RuntimeError, match=words):
        child.call(60, "echo", 1)
    child.close()


@pytest.mark.parametrize(
    ("name", "argument", "words"),
    [
        ("end", 0, "exit code 0"),
        ("end", 1, "exit code 1"),
        *[("kill", number, f"signal {int(number)}") for number in
          (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGBUS)],
    ],
)  # fmt: skip
def test_however_the_child_ends_it_is_told_how(aside: Aside, name: str, argument: int, words: str) -> None:
    with pytest.raises(GoneError, match=words):
        aside.call(60, name, argument)
    with pytest.raises(GoneError, match=words):
        aside.call(60, "echo", 1)


def test_a_child_that_says_nothing_is_told_and_killed() -> None:
    child = Aside("search.aside_children", "silent")
    with pytest.raises(GoneError, match=r"no answer for 0\.1 seconds"):
        child.call(0.1, "echo", 1)
    child.close(seconds=0)


def test_a_late_answer_is_not_taken_for_that_of_the_next_request(aside: Aside) -> None:
    assert aside.call(60, "echo", 1) == 1
    with pytest.raises(GoneError, match="no answer"):
        aside.call(0.1, "slow")
    assert aside.call(60, "echo", 2) == 2


def test_nothing_that_the_child_prints_reaches_the_terminal(
    aside: Aside, capfd: pytest.CaptureFixture[str]
) -> None:
    aside.call(60, "write")
    aside.close()
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_in_the_terminal_does_not_reach_the_child_and_it_finds_the_same_modules(aside: Aside) -> None:
    session, path = aside.call(60, "session")
    assert session != os.getsid(0)
    assert path == sys.path


def test_the_child_ends_when_its_parent_closes_the_pipe(aside: Aside) -> None:
    session, _ = aside.call(60, "session")
    aside.close()
    assert not Path(f"/proc/{session}/cmdline").exists()
