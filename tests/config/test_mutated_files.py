"""No wrong file gets through, and every refusal names its file and line."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from config.mutations import KINDS, mutations

from aebnas.config import parse, starter_file
from aebnas.errors import ConfigError

SHIPPED = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))
SOURCES = [pytest.param(starter_file, id="starter"), *(pytest.param(f.read_text, id=f.stem) for f in SHIPPED)]
PER_SOURCE = 360
FIRST_LINE = re.compile(r"^file\.yaml:[1-9][0-9]*: .{5,}")


def refusal(content: bytes) -> str | None:
    """Return the message of the refusal, or None if the content got through."""
    try:
        parse(content, "file.yaml")
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("source", SOURCES)
def test_every_mutated_file_is_refused_with_file_and_line(source: Callable[[], str]) -> None:
    mutated = mutations(source(), seed=0, count=PER_SOURCE)
    got_through = [
        (kind, message)
        for kind, content in mutated
        if not FIRST_LINE.match((message := refusal(content)) or "")
    ]
    assert got_through == []


@pytest.mark.parametrize("source", SOURCES)
def test_the_files_that_are_mutated_are_right_themselves(source: Callable[[], str]) -> None:
    assert refusal(source().encode()) is None


def test_every_kind_of_mutation_takes_part() -> None:
    kinds = Counter(kind for kind, _ in mutations(starter_file(), seed=0, count=PER_SOURCE))
    assert set(kinds) == {mutate.__name__ for mutate in KINDS}
    assert min(kinds.values()) >= 5


def test_mutations_repeat_for_one_seed_and_differ_for_another() -> None:
    first, again, other = (mutations(starter_file(), seed, 40) for seed in (1, 1, 2))
    assert first == again != other


def test_arbitrary_bytes_are_refused_with_file_and_line() -> None:
    rng = random.Random(0)
    lengths = [rng.randrange(1, 200) for _ in range(300)]
    assert all(FIRST_LINE.match(refusal(rng.randbytes(length)) or "") for length in lengths)


def test_arbitrary_yaml_punctuation_is_refused_with_file_and_line() -> None:
    rng = random.Random(0)
    alphabet = "ab1:- \n\t[]{}\"'&*!|>%@`#,?\\~<."
    texts = ["".join(rng.choices(alphabet, k=rng.randrange(1, 60))) for _ in range(2000)]
    assert all(FIRST_LINE.match(refusal(text.encode()) or "") for text in texts)
