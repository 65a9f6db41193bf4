"""Text files as editors write them: marks, line ends and encodings."""

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hardware.synthetic_profiles import layers_of, profile_of, written

from aebnas.config import parse
from aebnas.errors import ConfigError
from aebnas.files.text import NoTextError, text_of
from aebnas.hardware.profile.measured_network import read_networks
from aebnas.hardware.profile.profile import read_profile

FILE = """\
name: tiny
data: {name: digits}
space:
  stem: {width: 8, stride: 2}
  stages: [{width: [8, 12]}, {width: 12, stride: 2}]
"""
Written = Callable[[str], bytes]
SAME: dict[str, Written] = {
    "as it is": str.encode,
    "with a mark": lambda text: text.encode("utf-8-sig"),
    "with two marks": lambda text: codecs.BOM_UTF8 * 2 + text.encode(),
    "of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "of Windows with a mark": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "of an old Macintosh": lambda text: text.replace("\n", "\r").encode(),
}
OTHER: dict[str, tuple[str, Written]] = {
    "UTF-16": ("is UTF-16 text", lambda text: text.encode("utf-16")),
    "UTF-16 LE without a mark": ("is UTF-16 text", lambda text: text.encode("utf-16-le")),
    "UTF-16 BE without a mark": ("is UTF-16 text", lambda text: text.encode("utf-16-be")),
    "UTF-16 BE": ("is UTF-16 text", lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be")),
    "UTF-32": ("is UTF-32 text", lambda text: text.encode("utf-32")),
    "UTF-32 BE": ("is UTF-32 text", lambda text: codecs.BOM_UTF32_BE + text.encode("utf-32-be")),
    "Latin-1": ("byte 0xe9 is not UTF-8 text", lambda text: text.encode() + b"# caf\xe9"),
}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profile")
    (folder / "tiny.yaml").write_text(FILE)
    return written(folder, profile_of(layers_of(folder / "tiny.yaml")))


def rewrite(profile: Path, folder: Path, name: str, write: Written) -> Path:
    """Copy a profile, one of its files written otherwise."""
    for suffix in ("yaml", "csv", "networks.jsonl"):
        path = profile.with_suffix(f".{suffix}")
        content = path.read_text()
        (folder / path.name).write_bytes(write(content) if suffix == name else content.encode())
    return folder / profile.name


@pytest.mark.parametrize("kind", SAME)
def test_a_search_file_is_read_whatever_its_editor(kind: str) -> None:
    assert parse(SAME[kind](FILE), "a.yaml") == parse(FILE.encode(), "a.yaml")
    with pytest.raises(ConfigError, match=r"^a\.yaml:4: .*'widht'"):
        parse(SAME[kind](FILE.replace("width: 8,", "widht: 8,")), "a.yaml")


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("name", ["yaml", "csv", "networks.jsonl"])
def test_a_profile_is_read_whatever_its_editor(name: str, kind: str, profile: Path, tmp_path: Path) -> None:
    copy = read_profile(rewrite(profile, tmp_path, name, SAME[kind]))
    assert copy.fingerprint() == read_profile(profile).fingerprint()


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize("name", ["yaml", "csv"])
def test_a_profile_in_another_encoding_is_told_with_the_cure(
    name: str, kind: str, profile: Path, tmp_path: Path
) -> None:
    output, write = OTHER[kind]
    with pytest.raises(ConfigError) as caught:
        read_profile(rewrite(profile, tmp_path, name, write))
    assert output in str(caught.value)
    assert "Save it as UTF-8" in str(caught.value)
    assert str(caught.value).startswith(f"{(tmp_path / profile.name).with_suffix(f'.{name}')}:")


@pytest.mark.parametrize("kind", OTHER)
def test_a_search_file_in_another_encoding_is_told_with_the_cure(kind: str) -> None:
    output, write = OTHER[kind]
    with pytest.raises(ConfigError) as caught:
        parse(write(FILE), "a.yaml")
    line = 6 if kind == "Latin-1" else 1
    assert str(caught.value).startswith(f"a.yaml:{line}: {output}")
    assert "Save it as UTF-8" in str(caught.value)


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_with_other_separators_is_told(
    separator: str, word: str, profile: Path, tmp_path: Path
) -> None:
    path = rewrite(profile, tmp_path, "csv", lambda text: text.replace(",", separator).encode())
    with pytest.raises(ConfigError, match=rf"csv:1: values are separated by {word}: save it with commas"):
        read_profile(path)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_the_line_of_a_byte_that_is_no_text_is_counted_with_any_line_end(ends: str) -> None:
    with pytest.raises(NoTextError) as caught:
        text_of(ends.join(["one", "two", ""]).encode() + b"\xff")
    assert caught.value.line == 3


def test_texts_of_zeros_and_short_ones_are_no_utf_16() -> None:
    assert text_of(b"\0" * 8) == "\0" * 8
    assert text_of(b"a\0") == "a\0"
    assert text_of(b"") == ""


def test_no_network_is_none(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_bytes(codecs.BOM_UTF8)
    assert read_networks(tmp_path / "none.jsonl", 0) == ()
    (tmp_path / "one.jsonl").write_text(json.dumps({"space": 1}) + "\n")
    with pytest.raises(ConfigError, match="jsonl:1: no measured network"):
        read_networks(tmp_path / "one.jsonl", 1)
