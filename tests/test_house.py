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
