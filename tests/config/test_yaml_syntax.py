"""What kind of YAML is read, and what is refused before any schema is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from aebnas.config import load, parse
from aebnas.errors import ConfigError
from aebnas.files.document import read_document
from aebnas.files.source_locations import lines_of


def value(text: str) -> object:
    return read_document(f"x: {text}".encode(), lines_of("a.yaml")).tree["x"]


def refusal(content: bytes | str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(content if isinstance(content, bytes) else content.encode(), "a.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3e6", 3e6),
        ("17E+6", 17e6),
        ("5e-4", 5e-4),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("2.", 2.0),
        ("3_000_000", 3_000_000),
        ("-4", -4),
        ("0", 0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("On", "On"),
        ("True", "True"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("'3'", "3"),
        ("e6", "e6"),
        ("1e", "1e"),
    ],
)
def test_a_scalar_means_what_it_looks_like(text: str, expected: object) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


def test_aliases_are_written_out() -> None:
    tree = read_document(b"a: &k [3, 5]\nb: *k", lines_of("a.yaml")).tree
    assert tree == {"a": [3, 5], "b": [3, 5]}


def test_a_byte_order_mark_is_allowed() -> None:
    assert read_document(b"\xef\xbb\xbfname: x", lines_of("a.yaml")).tree == {"name": "x"}


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.yaml:1: the file is empty. Write a complete one: aebnas init"),
        (b"# nothing\n", "a.yaml:1: the file is empty. Write a complete one: aebnas init"),
        (b"- a\n", "a.yaml:1: must consist of sections (key: value), but got ['a']"),
        (b"name: x\n\xff", "a.yaml:2: byte 0xff is not UTF-8 text"),
        (b"name: x\n\nd: \0", "a.yaml:3: character 0x00 is not allowed in YAML"),
        (b"name: x\n---\nname: y", "a.yaml:2: a second document begins; a file holds one"),
        (b"name: !!python/name:os.system x", "a.yaml:1: not valid YAML: tags such as"),
        (b"name: *x", "a.yaml:1: not valid YAML: found undefined alias 'x'"),
        (b"a: &a\n  b: *a", "a.yaml:2: an alias contains itself"),
        (
            b"a:\n\tb: 1",
            "a.yaml:2: not valid YAML: found character '\\t' that cannot start any token; indent with",
        ),
        (b"a: {b: 1,\n  c: [2", "a.yaml:2: not valid YAML: expected ',' or ']', but got 'end of file'"),
        (b'a: "\\UFFFFFFFF"', "a.yaml:1: not valid YAML: bad escape"),
        (b"a: " + b"[" * 5000, "a.yaml:1: not valid YAML: nested more than 30 levels deep"),
        (b"a:\n" + b"- " * 5000, "a.yaml:2: not valid YAML: nested more than 30 levels deep"),
        (b"a: " + b"x" * 300_000, "a.yaml:1: larger than 256 KiB: not a search-space file"),
        (b"? [a, b]\n: 1", "a.yaml:1: a key must be a word, not a list or a section"),
        (BOMB.encode(), "too large or too deep once its aliases are written out"),
    ],
    ids=[
        "empty",
        "comments",
        "list",
        "latin1",
        "nul",
        "documents",
        "tag",
        "undefined",
        "recursive",
        "tab",
        "bracket",
        "escape",
        "brackets",
        "dashes",
        "large",
        "list-key",
        "bomb",
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_line(content: bytes, message: str) -> None:
    assert message in refusal(content)


def test_a_lone_surrogate_is_refused() -> None:
    assert "a.yaml:1: name: half of a surrogate pair is not text" in refusal(b'name: "\\ud800"')


def test_a_missing_file_names_the_nearest_one_and_the_cure(tmp_path: Path) -> None:
    (tmp_path / "cifar10.yaml").write_text("name: x")
    with pytest.raises(
        ConfigError, match=r"cifr10.yaml: no such file. Did you mean '.*cifar10.yaml'\? .*aebnas init"
    ):
        load(tmp_path / "cifr10.yaml")


@pytest.mark.parametrize("path", ["missing/folder.yaml", "a\0b.yaml"])
def test_an_impossible_path_is_a_config_error(path: str) -> None:
    with pytest.raises(ConfigError):
        load(path)


def test_a_directory_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory, not a search-space file"):
        load(tmp_path)


def test_a_forbidden_file_is_a_config_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("builtins.open", refuse)  # root may read every file, so chmod would not do
    with pytest.raises(ConfigError, match="permission denied"):
        load(tmp_path / "a.yaml")
