"""Merge keys (``<<``) mean what YAML 1.1 says, and mistakes in what is merged keep their line."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aebnas.config import parse
from aebnas.errors import ConfigError
from aebnas.files.document import MAX_VALUES, read_document
from aebnas.files.source_locations import lines_of

PLAIN = """\
name: merged
data: {name: digits}
space:
  stem: {width: 8, stride: 2}
  stages:
    - {depth: 1, width: [8, 12], block: {type: [residual, conv], kernel: [3, 5]}}
    - {depth: 2, width: [16, 24], stride: 2, block: {type: [residual, conv], kernel: [3, 5]}}
"""
MERGED = """\
name: merged
data: {name: digits}
space:
  stem: {width: 8, stride: 2}
  stages:
    - &first
      depth: 1
      width: [8, 12]
      block: &block
        type: [residual, conv]
        kernel: [3, 5]
    - <<: *first
      depth: 2
      width: [16, 24]
      stride: 2
      block: {<<: *block}
"""


def tree(text: str) -> Any:
    document = read_document(text.encode(), lines_of("a.yaml"))
    assert not document.problems
    return document.tree


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "a.yaml")
    return str(caught.value)


def test_a_file_with_merge_keys_is_the_file_written_out() -> None:
    assert parse(MERGED.encode(), "a.yaml") == parse(PLAIN.encode(), "a.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: *a", {"x": "1", "y": "2"}),
        ("<<: *a, x: own", {"x": "own", "y": "2"}),
        ("x: own, <<: *a", {"x": "own", "y": "2"}),
        ("<<: [*a, *b]", {"x": "1", "y": "2", "z": "4"}),
        ("<<: [*b, *a]", {"x": "3", "y": "2", "z": "4"}),
        ("<<: {y: inline}, x: own", {"x": "own", "y": "inline"}),
        ("<<: []", {}),
        ("<<: {}", {}),
        ("<<: *c", {"x": "1", "y": "2", "w": "5"}),
        ("<<: [*c, {q: '6'}]", {"x": "1", "y": "2", "w": "5", "q": "6"}),
        ("'<<': own", {"<<": "own"}),
    ],
)
def test_of_equal_keys_the_section_s_own_wins_then_the_first_merged(text: str, expected: object) -> None:
    anchors = "a: &a {x: '1', y: '2'}\nb: &b {x: '3', z: '4'}\nc: &c {<<: *a, w: '5'}\n"
    assert tree(f"{anchors}here: {{{text}}}")["here"] == expected


@st.composite
def files(draw: st.DrawFn) -> str:
    """Sections that merge earlier ones, in any order and number."""
    lines: list[str] = []
    keys = st.sampled_from("uvwxyz")
    for number in range(draw(st.integers(1, 7))):
        entries = [f"{key}: 'v{number}{key}'" for key in draw(st.lists(keys, unique=True, max_size=4))]
        earlier = draw(st.lists(st.integers(0, number - 1), max_size=4)) if number else []
        if earlier:
            aliases = ", ".join(f"*a{i}" for i in earlier)
            entries.append(f"<<: {aliases}" if len(earlier) == 1 else f"<<: [{aliases}]")
        lines.append(f"s{number}: &a{number} {{{', '.join(draw(st.permutations(entries)))}}}")
    return "\n".join(lines)


@given(files())
def test_merges_are_those_of_pyyaml(text: str) -> None:
    assert tree(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("depth: 1\n", "depth: none\n", "a.yaml:7: space.stages.0.depth: "),
        ("kernel: [3, 5]", "kernel: [3, 500]", "a.yaml:11: space.stages.1.block.kernel"),
        ("kernel: [3, 5]", "kernal: [3, 5]", "a.yaml:11: space.stages.1.block: unknown field 'kernal'"),
        (
            "stride: 2\n      block",
            "strid: 2\n      block",
            "a.yaml:15: space.stages.1: unknown field 'strid'",
        ),
        ("<<: *first", "<<: 5", "a.yaml:12: space.stages.1: << merges a section"),
        ("<<: *first", "<<:", "a.yaml:12: space.stages.1: << merges a section"),
        ("<<: *first", "<<: [*first, [*first]]", "but got a list"),
        ("<<: *first", "<<: *fisrt", "a.yaml:12: not valid YAML: found undefined alias"),
        (
            "    - <<: *first\n",
            "    - <<: *first\n      <<: *block\n",
            "a.yaml:13: space.stages.1: key '<<' is given twice, first in line 12. "
            "Merge several at once: <<: [*one, *other]",
        ),
    ],
)
def test_a_mistake_is_told_at_the_line_where_it_was_made(before: str, after: str, message: str) -> None:
    assert before in MERGED
    assert message in refusal(MERGED.replace(before, after))


def test_a_value_that_is_overridden_is_not_judged() -> None:
    text = "a: &a {x: .inf}\nb: {<<: *a, x: 1}"
    problems = read_document(text.encode(), lines_of("a.yaml")).problems
    assert [problem.location.text for problem in problems] == ["a.yaml:1"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {<<: *a}",
        "a: &a {b: {<<: *a}}",
        "a: &a\n  <<: [{x: 1}, *a]",
        "a0: &a0 {" + ", ".join(f"k{i}: {i}" for i in range(100)) + "}\n"
        + "\n".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 50)}]}}" for i in range(1, 9)),
        "a0: &a0 {x: 1}\n" + "\n".join(f"a{i}: &a{i} {{<<: *a{i - 1}}}" for i in range(1, 1000)),
        "a0: &a0 {}\n"
        + "\n".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 400)}]}}" for i in range(1, 3)),
    ],
)  # fmt: skip
def test_endless_and_exploding_merges_are_refused(text: str) -> None:
    assert re.search(r"a\.yaml:\d+: (an alias contains itself|too large or too deep)", refusal(text))
    assert MAX_VALUES < 10**5
