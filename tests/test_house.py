"""``tools/check_house.py`` finds what it is there for, in packages made up for that."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "check_house.py"


def said(folder: Path) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def house(tmp_path: Path, modules: Mapping[str, str]) -> Path:
    package = tmp_path / "house"
    for name, text in {"__init__": "", **modules}.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


def test_the_package_keeps_the_rules_of_the_house() -> None:
    assert said(ROOT / "aebnas") == (0, [])


@pytest.mark.parametrize(
    "back",
    [
        "from house import a",
        "from house.a import x",
        "def late():\n    from house.a import x\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.a import x\n",
    ],
)
def test_circles_are_found_however_they_are_closed(tmp_path: Path, back: str) -> None:
    package = house(
        tmp_path, {"a": "from house.b import y\nx = 1\n", "b": f"{back}\ny = 2\n", "c": "import os"}
    )
    assert said(package) == (1, ["circle of imports: house.a <-> house.b"])


@pytest.mark.parametrize(
    "promise", ["Must not import torch.", "Must not import ray or torch.", "Must not import torch; ray is.",
                "Quick.\n\nMust not\nimport torch: it is slow."],
)  # fmt: skip
def test_a_docstring_that_is_not_true_is_told_with_the_way(tmp_path: Path, promise: str) -> None:
    modules = {"a": f'"""First.\n\n{promise}\n"""\nfrom house import b\n', "b": "import torch.nn\n"}
    code, lines = said(house(tmp_path, modules))
    assert (code, lines) == (
        1,
        ['house.a says "Must not import torch", but loads it: house.a -> house.b -> torch'],
    )


@pytest.mark.parametrize("importing", ["def late():\n    import torch\n", "import torchless\n", ""])
def test_a_docstring_that_is_true_is_no_complaint(tmp_path: Path, importing: str) -> None:
    modules = {"a": '"""First.  Must not import torch."""\nfrom house import b\n', "b": importing}
    assert said(house(tmp_path, modules)) == (0, [])


@pytest.mark.parametrize(("count", "is_crowded"), [(15, False), (16, True)])
def test_a_folder_of_too_many_modules_is_told(tmp_path: Path, count: int, is_crowded: bool) -> None:
    package = house(tmp_path, {f"room/m{i}": "" for i in range(count)} | {"room/__init__": ""})
    code, lines = said(package)
    assert code == is_crowded
    assert all("16 modules, more than 15" in line for line in lines)


@pytest.mark.parametrize(("lines", "is_long"), [(300, False), (301, True)])
def test_a_module_of_too_many_lines_is_told(tmp_path: Path, lines: int, is_long: bool) -> None:
    package = house(tmp_path, {"a": "# a line\n" * lines})
    complaints = [f"{package}/a.py: 301 lines, more than 300; split it along a seam"] if is_long else []
    assert said(package) == (is_long, complaints)


@pytest.mark.parametrize(("lines", "is_long"), [(59, False), (60, True)])
def test_a_function_of_too_many_lines_is_told(tmp_path: Path, lines: int, is_long: bool) -> None:
    docstring = '    """Do it.\n\n    At length.\n    """\n'
    package = house(tmp_path, {"a": "def work():\n" + docstring + "    x = 1\n" * lines})
    complaints = [f"{package}/a.py:1: work has 61 lines, more than 60"] if is_long else []
    assert said(package) == (is_long, complaints)


@pytest.mark.parametrize(
    "binding",
    [
        "found = 1", "found: int = 1", "for found in (): pass", "[found for found in ()]",
        "with open('x') as found: pass", "print(found := 1)", "lambda found: 1", "a, (b, *found) = 1, (2, 3)",
        "def inner(*, found): pass", "try: pass\n    except OSError as found: pass",
        "match 1:\n        case found: pass",
    ],
)  # fmt: skip
def test_a_local_variable_that_says_nothing_is_told_however_it_is_bound(tmp_path: Path, binding: str) -> None:
    package = house(tmp_path, {"a": f"def work():\n    {binding}\n"})
    code, lines = said(package)
    assert code == 1
    assert len(lines) == 1
    assert "'found' does not say what it holds" in lines[0]


def test_a_comprehension_of_a_module_has_local_variables_too(tmp_path: Path) -> None:
    package = house(tmp_path, {"a": "ALL = [one for one in ()]\n"})
    assert said(package) == (
        1,
        [f"{package}/a.py:1: 'one' does not say what it holds; call it by its content"],
    )


def test_a_field_of_a_class_and_a_name_that_is_only_read_are_no_local_variables(tmp_path: Path) -> None:
    package = house(
        tmp_path, {"a": "class A:\n    known: int = 0\n\ndef work(a):\n    return a.found + one\n"}
    )
    assert said(package) == (0, [])


@pytest.mark.parametrize(
    ("text", "word", "instead"),
    [
        ("def work(rung): pass\n", "rung", "fidelity"),
        ("class LastRung: pass\n", "rung", "fidelity"),
        ("# the last rung\n", "rung", "fidelity"),
        ("roles = ()\n", "roles", "parameter names, or what they are"),
    ],
)
def test_a_word_that_was_given_up_is_told_with_what_to_say(
    tmp_path: Path, text: str, word: str, instead: str
) -> None:
    package = house(tmp_path, {"a": text})
    assert said(package) == (1, [f"{package}/a.py:1: {word!r} was given up; say {instead}"])


def test_a_word_that_is_plain_english_may_stand_in_prose(tmp_path: Path) -> None:
    package = house(tmp_path, {"a": '"""What they are: their roles, of course."""\n'})
    assert said(package) == (0, [])


def test_two_test_files_of_one_name_are_told(tmp_path: Path) -> None:
    package = house(
        tmp_path, {"a": "", "../tests/x/test_a": "", "../tests/y/test_a": "", "../tests/test_b": ""}
    )
    first, second = (tmp_path / "house/../tests" / name / "test_a.py" for name in "xy")
    code, (line,) = said(package)
    assert code == 1
    assert line == f"test files of one name: {first.resolve()}, {second.resolve()}"
