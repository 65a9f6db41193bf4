"""The help of every command, on terminals of any width: no line too long, no word broken."""

import argparse

import pytest

from aebnas.cli.main import COMMANDS, parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command, and by ``aebnas`` the one above them."""
    top = parser()
    [commands] = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return {"aebnas": top, **commands.choices}


def help_at(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    return parsers()[name].format_help()


@pytest.mark.parametrize("name", ["aebnas", *COMMANDS])
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_every_help_fits_its_terminal(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_at(name, columns, monkeypatch)
    assert [line for line in text.splitlines() if len(line) > columns] == []
    assert text.split() == help_at(name, 1000, monkeypatch).split()  # no word is broken


@pytest.mark.parametrize("name", ["aebnas", *COMMANDS])
def test_every_option_says_what_it_does(name: str) -> None:
    assert [action.dest for action in parsers()[name]._actions if not action.help] == (
        ["command"] if name == "aebnas" else []
    )


def test_a_narrow_terminal_shows_what_an_option_does_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow, wide = (help_at("train", columns, monkeypatch).splitlines() for columns in (40, 80))
    assert narrow[narrow.index("  --epochs N") + 1] == "        short for --set"
    assert "  --epochs N            short for --set training.epochs=N" in wide


def test_exit_codes_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = help_at("aebnas", 40, monkeypatch).splitlines()
    start = lines.index("141  the reader of a printing command")
    assert lines[start - 1] == "130  interrupted; continue with resume"
    assert lines[start + 1] == "     has gone (| head)"
