"""What documents tell people to type, run as it stands; only the files that it names are made smaller.

- ``console``: commands behind ``$``; those of aebnas are run, with ``RUN=...`` and ``make demo`` before them.
- ``yaml``: written to the file that its first line names, ``# NAME.yaml``; without one, a part that must be
  valid in a search-space file.
- ``python``: run; with ``# PATH.py`` as its first line, a module of its own; ``test_*.py`` are run by pytest.
- ``text``: output, left alone.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from photos import write_photos
from PIL import Image

from aebnas.cli import main
from aebnas.config import SearchFile, parse

ROOT = Path(__file__).parents[1]
DEMO = "search search_spaces/mnist5k.yaml --name demo-today"
LONG = (
    (r"--epochs \d+", "--epochs 2"),
    (r"training\.epochs=\d+", "training.epochs=1"),
    (r"(search\.max_trainings)=\d+", r"\1=3"),
    (r"(resum.*search\.max_trainings)=\d+", r"\1=4"),
    (r"(--networks|networks=)( ?)\d+", r"\1\g<2>2"),
)
"""Numbers on which nothing but the time depends."""
NO_COMMANDS = ("pip install", "make lint", "make test", "pytest test_")
"""Lines behind a prompt that a test environment has run already, or is running."""


class Block(NamedTuple):
    """One fenced block."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """Return the file that it says it is."""
        first = self.text.partition("\n")[0]
        return first[2:] if re.fullmatch(r"# [\w./-]+\.(yaml|py)", first) else None


def blocks(text: str, *languages: str) -> list[Block]:
    """Return a document's blocks of some languages; of none: all."""
    found = [Block(*pair) for pair in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M)]
    return [one for one in found if not languages or one.language in languages]


def shortened(text: str) -> str:
    """Return a search-space file that a test can afford: few images, one epoch, two trainings, no workers."""
    tree: dict[str, Any] = yaml.safe_load(text)
    if "name" in tree["data"]:
        tree["data"]["limit"] = 400
    tree["constraints"] = {}
    for section in ("training", "supernet"):
        tree.setdefault(section, {})["epochs"] = 1
    tree.setdefault("search", {}).update(population=2, max_trainings=2)
    tree["workers"] = {"mode": "serial"}
    return yaml.safe_dump(tree, sort_keys=False)


def workplace(folder: Path) -> Path:
    """Fill a folder with what a reader has: the repository's files, pictures of digits, photos by class."""
    shutil.copytree(ROOT / "hardware_profiles", folder / "hardware_profiles")
    shutil.copytree(ROOT / "search_spaces", folder / "search_spaces")
    mnist5k = folder / "search_spaces/mnist5k.yaml"
    mnist5k.write_text(shortened(mnist5k.read_text()))
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    for i in range(200):
        own = folder / "my_images" / f"class{labels[i] % 4}"
        own.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels[i].reshape(8, 8) * 15).astype("uint8")).save(own / f"{i}.png")
    write_photos(folder / "photos")
    return folder


def affordable(line: str) -> str:
    """Return a line with the numbers of ``LONG`` made small."""
    for pattern, less in LONG:
        line = re.sub(pattern, less, line)
    return line


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of every aebnas command; variables stand for what was assigned before them."""
    for line in re.findall(r"^\$ (.+)$", block.text, re.M):
        name, is_assignment, value = line.partition("=")
        if line == "make demo":
            yield shlex.split(DEMO)
        elif line.startswith("aebnas "):
            yield shlex.split(os.path.expandvars(affordable(line.removeprefix("aebnas "))), comments=True)
        elif is_assignment and name.isupper():
            said = subprocess.run(["bash", "-c", f"echo {value}"], capture_output=True, text=True, check=True)
            os.environ[name] = said.stdout.strip()
        else:
            assert line.startswith(NO_COMMANDS), f"{line} is run by nobody"


def check_part(text: str) -> SearchFile:
    """Read a part of a search-space file in the place of the same sections of the shipped one."""
    whole = yaml.safe_load((ROOT / "search_spaces/mnist5k.yaml").read_text()) | yaml.safe_load(text)
    return parse(yaml.safe_dump(whole, sort_keys=False).encode(), "a document's part")


def pytest_there(file: str) -> int:
    """Run a test file of a reader in a process of its own; return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path.cwd())])}
    return subprocess.run(command, env=environment, timeout=300, check=False).returncode


def follow(text: str, name: str, expected: tuple[int, ...] = (0,)) -> list[str]:
    """Do all that a document says, in order, in the current folder; return the commands that ran."""
    before = set(sys.modules)
    sys.path.insert(0, os.getcwd())  # as for whoever runs python there
    try:
        return _followed(text, name, expected)
    finally:
        sys.path.remove(os.getcwd())
        for module in set(sys.modules) - before:
            if str(getattr(sys.modules[module], "__file__", "")).startswith(os.getcwd()):
                del sys.modules[module]


def _followed(text: str, name: str, expected: tuple[int, ...]) -> list[str]:
    ran: list[str] = []
    names: dict[str, Any] = {"__name__": "document"}
    for block in blocks(text, "console", "yaml", "python"):
        if block.language == "console":
            for words in commands(block):
                assert main(words) in expected, f"{name}: aebnas {shlex.join(words)}"
                ran.append(words[0])
        elif block.language == "python" and block.file and "/" not in block.file:
            Path(block.file).write_text(block.text)  # loaded by whoever names it
            if block.file.startswith("test_"):
                assert pytest_there(block.file) == 0, f"{name}: pytest {block.file}"
        elif block.language == "python":
            exec(compile(affordable(block.text), f"{name}: {block.text[:60]!r}", "exec"), names)
        elif block.file:
            Path(block.file).write_text(shortened(block.text))
        else:
            check_part(block.text)
    return ran
