"""Words that the project gave up for those of its field: where they come back, ``make lint`` says so.

Names are read part by part (``dearest_cost`` is ``dearest`` and ``cost``), prose word by word: strings and
comments of the package, documents, search spaces and the page's scripts.  Words that are plain
English elsewhere are refused as names alone.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

EVERYWHERE: Mapping[str, str] = {
    "heir": "inherited subnet", "heirs": "inherited subnets", "finale": "final training",
    "finalist": "top-k candidate", "finalists": "top-k candidates", "crew": "process group",
    "sitting": "session", "sittings": "sessions", "foretold": "predicted", "foretell": "predict",
    "foretells": "predicts", "verdict": "target check", "verdicts": "target checks",
    "rival": "baseline", "rivals": "baselines", "contender": "baseline", "contenders": "baselines",
    "lesson": "distillation", "lessons": "distillation", "taught": "distilled", "dear": "expensive",
    "dearer": "more expensive", "dearest": "most expensive", "surest": "most confident",
    "rung": "fidelity", "rungs": "fidelities",
}  # fmt: skip
"""From a word to what to say instead, in names and in prose."""
NAMES: Mapping[str, str] = {
    "leg": "fidelity step", "legs": "fidelity steps", "shelf": "fidelity store", "loan": "sampled subnet",
    "lend": "sample", "lent": "sampled", "undone": "run status", "told": "on_event, or what it is",
    "hear": "on_event", "heard": "events", "facts": "metadata", "judge": "monitor",
    "standing": "status", "standings": "statuses", "aimed": "fit to target", "subject": "selected network",
    "picks": "selection", "journal": "checkpoint callback", "carry": "boosting coefficient",
    "excess": "violation", "came": "observed", "sure": "confident", "course": "training loop",
    "roles": "parameter names, or what they are", "bands": "confidence intervals", "aims": "violations",
}  # fmt: skip
"""The same for names alone: in prose they are plain English."""
FIELDS = re.compile(r"\b(?:trade_offs?|tradeOff)\b")
"""Fields of files that are called otherwise now, wherever they are written."""
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
WORDS = re.compile(r"[A-Za-z]+")
ALLOWED = frozenset({
    ("config/moved.py", "trade_offs"), ("config/moved.py", "finalists"),  # refuses them by name
    ("config/test_config_messages.py", "trade_offs"), ("config/test_fidelities.py", "finalists"),
    ("tests/test_house.py", "rung"),  # is refused there on purpose
    ("tests/test_house.py", "roles"),
    ("README.md", "taught"),  # a measured arm of experiments/cifar10 is called so
    ("experiments/cifar10/", "taught"),
    ("train/tune/ray_tuning.py", "rungs"),  # those of ASHA, which has no fidelities of ours
})  # fmt: skip
"""Where a word may stay: a part of the path, and the word."""
PROSE = (".md", ".yaml", ".js", ".css", ".html")


def given_up(folders: list[Path]) -> list[str]:
    """Return one line per word that was given up, with what to say instead.

    Args:
        folders: Folders and files to read; what is missing holds no word.
    """
    wrong = []
    for path in sorted(path for folder in folders for path in _files(folder)):
        for line, word, instead in _words_of(path):
            if not any(part in path.as_posix() and word == kept for part, kept in ALLOWED):
                wrong.append(f"{path}:{line}: {word!r} was given up; say {instead}")
    return wrong


def _files(folder: Path) -> Iterator[Path]:
    paths = [folder] if folder.is_file() else folder.rglob("*")
    yield from (path for path in paths if path.suffix in (".py", *PROSE))


def _words_of(path: Path) -> Iterator[tuple[int, str, str]]:
    text = path.read_text(encoding="utf-8")
    yield from ((0, word, NAMES[word]) for word in _parts(path.stem) if word in NAMES)
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, field, "budget_fraction") for field in FIELDS.findall(line))
        for word in WORDS.findall(line) if path.suffix in PROSE else ():
            if word.lower() in EVERYWHERE:
                yield number, word, EVERYWHERE[word.lower()]
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            yield from _words_in(token)


def _words_in(token: tokenize.TokenInfo) -> Iterator[tuple[int, str, str]]:
    is_name = token.type == tokenize.NAME and not token.string.startswith("test_")  # a test is a sentence
    refused = EVERYWHERE | NAMES if is_name else EVERYWHERE
    if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
        for above, line in enumerate(token.string.split("\n")):
            for word in _parts(line):
                if word in refused:
                    yield token.start[0] + above, word, refused[word]


def _parts(text: str) -> list[str]:
    return [part.lower() for part in PARTS.findall(text)]
