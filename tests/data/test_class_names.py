"""Class names: what is accepted is written and read again unchanged; the rest is refused at once."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

from aebnas.data.checks.class_names import LONGEST_NAMES, MOST_CLASSES, check_class_names, look
from aebnas.data.dataset import Samples, make_dataset
from aebnas.data.readers.folder import read_folder
from aebnas.deploy.exporting.card import _classes
from aebnas.deploy.exporting.export import _json
from aebnas.errors import DataError
from aebnas.files.document import read_document
from aebnas.files.source_locations import lines_of
from aebnas.files.yaml_syntax import MAX_BYTES
from aebnas.files.yaml_text import yaml_text

LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
CONTROLS = "\0\a\b\t\x1b\x7f\x9b"
CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")) | st.sampled_from(
    "`'\": -#&*!|>%@~,[]{}=\ufeff\ufffe"
)
NAMES = st.lists(st.text(CHARACTERS, min_size=1).filter(look), min_size=1, max_size=5, unique_by=look)
ANY_NAMES = st.lists(st.text(CHARACTERS | st.characters() | st.sampled_from(LINE_BREAKS)), max_size=4)


def is_accepted(*names: str) -> bool:
    try:
        check_class_names("data", names)
    except DataError:
        return False
    return True


@settings(max_examples=60)
@given(NAMES)
def test_an_accepted_name_is_read_from_checkpoint_labels_and_card_as_it_was(names: list[str]) -> None:
    assert is_accepted(*names)
    checkpoint = read_document(yaml_text({"classes": names}).encode(), lines_of("checkpoint.yaml"))
    assert (checkpoint.tree, checkpoint.problems) == ({"classes": names}, [])
    assert json.loads(_json(names)) == names
    shown = MarkdownIt().parse(_classes(names))[1].children or []
    assert [token.content for token in shown if token.type == "code_inline"] == names


@settings(max_examples=60)
@given(ANY_NAMES)
def test_any_names_are_accepted_or_refused_in_words_that_can_be_printed(names: list[str]) -> None:
    try:
        check_class_names("data", names)
    except DataError as error:
        text = str(error)
    else:
        text = yaml_text({"classes": names})
    text.encode()


@pytest.mark.parametrize(
    "name", ["null", "~", "true", "1e3", "010", "2026-11-30", "=", "<<", "- a", "#1", "a: b", "%"]
)
def test_words_that_yaml_takes_for_something_else_stay_words(name: str) -> None:
    assert is_accepted(name, "other")
    text = yaml_text({"classes": [name, "other"]})
    assert read_document(text.encode(), lines_of("checkpoint.yaml")).tree == {"classes": [name, "other"]}


@pytest.mark.parametrize("character", LINE_BREAKS + CONTROLS)
@pytest.mark.parametrize("name", ["{}", "{}cat", "ca{}t", "cat{}"])
def test_line_breaks_and_control_characters_are_refused_with_a_name_that_does(
    name: str, character: str
) -> None:
    with pytest.raises(
        DataError, match=r"^data: class .* control character.* Rename it, for example to '.*'"
    ) as caught:
        check_class_names("data", ["dog", name.format(character)])
    assert len(str(caught.value).splitlines()) == 1
    assert is_accepted("dog", str(caught.value).split("example to '")[1].split("'")[0])


@pytest.mark.parametrize(("raw", "proper"), [(b"caf\xe9", "café"), (b"\xff", "ÿ"), (b"a\x80b", "a_b")])
def test_a_folder_whose_name_is_not_utf8_is_refused_with_a_name_that_is(
    tmp_path: Path, raw: bytes, proper: str
) -> None:
    for name in (raw, b"dog"):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        Image.new("L", (2, 2)).save(folder / "1.png")
    with pytest.raises(DataError, match=f"is not UTF-8 text.*for example to '{proper}'"):
        read_folder(tmp_path, None)


@pytest.mark.parametrize("name", [" ", "\u3000", "\u200b", "\u202e", "\xa0 \ufeff"])
def test_a_name_that_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="has no visible character"):
        check_class_names("data", ["dog", name])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"), ("dog", "dog "), (" dog", "dog"), ("big dog", "big  dog"),
        ("dog", "d\u200bog"), ("Å", "\u212b"),
    ],
)  # fmt: skip
def test_names_that_look_the_same_are_told_apart_in_the_message(one: str, other: str) -> None:
    with pytest.raises(DataError, match="look the same") as caught:
        check_class_names("data", [one, "x", other])
    assert ascii(one) in str(caught.value)
    assert ascii(other) in str(caught.value)


@pytest.mark.parametrize(
    "names", [("a", "A"), ("straße", "strasse"), ("T-shirt/top", "`code`"), (" dog", "cat ")]
)
def test_names_that_can_be_told_apart_are_accepted(names: tuple[str, str]) -> None:
    assert is_accepted(*names)


def test_whatever_the_source_names_are_checked() -> None:
    images = Samples(np.zeros((2, 1, 1, 1), np.uint8), np.arange(2))
    with pytest.raises(DataError, match="control character"):
        make_dataset("data", images, images, ["a", "b\x85"])


def test_as_many_and_as_long_names_as_are_accepted_fit_into_a_checkpoint() -> None:
    long = [f"{i:04d}" + "é" * 60 for i in range(LONGEST_NAMES // 128)]
    many = [str(i) for i in range(MOST_CLASSES)]
    for names in (long, many):
        assert is_accepted(*names)
        text = yaml_text({"classes": names}).encode()
        assert len(text) < 0.8 * MAX_BYTES
    assert read_document(text, lines_of("checkpoint.yaml")).tree == {"classes": many}
    assert not is_accepted(*long, *(f"x{name}" for name in long))
    assert not is_accepted(*(str(i) for i in range(MOST_CLASSES + 1)))
