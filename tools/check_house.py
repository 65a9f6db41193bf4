"""What ``make lint`` checks of the package's structure, beside import-linter's contracts.

- No circles: no module reaches itself through imports, also none inside functions or under
  ``TYPE_CHECKING``.
- Docstrings are true: a module that says "Must not import torch" (or pymoo, ray, ...) does not load
  it when it is imported, neither itself nor through what it imports.
- Rooms stay small: no folder holds more than 15 modules.
- Modules and functions stay short (``lengths.py``).
- No two test files have one name: pytest would import the first for both.
- Words that the project gave up for those of its field do not come back (``given_up.py``), and local
  variables say what they hold (``vague_names.py``).

Usage: ``python tools/check_house.py [FOLDER OF THE PACKAGE]``; prints what is wrong, exits with 1.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from given_up import given_up
from lengths import too_long
from vague_names import vague_names

MOST_MODULES = 15
"""Modules of one folder, ``__init__.py`` not counted."""
DOCUMENTS = (
    "README.md", "ARCHITECTURE.md", "docs", "search_spaces", "tests", "benchmarks", "experiments",
)  # fmt: skip
"""Beside the package: what is read for words that were given up."""
PROMISE = re.compile(r"Must not import ([a-z][\w, ]*?)(?:[.;:]|$| before )", re.MULTILINE)


@dataclass
class Module:
    """One module and what it imports."""

    path: Path
    docstring: str
    loaded: set[str] = field(default_factory=set)
    """Imported, by full name, when the module is imported."""
    named: set[str] = field(default_factory=set)
    """Imported anywhere, in functions and under ``TYPE_CHECKING`` too."""


def main(folder: str = "aebnas") -> int:
    """Print what is wrong and return the exit code."""
    modules = read(Path(folder))
    documents = [Path(folder).parent / name for name in DOCUMENTS]
    package = Path(folder)
    wrong = [*circles(modules), *broken_promises(modules), *crowded(package), *too_long(package)]
    wrong += [*vague_names(package), *given_up([package, *documents])]
    wrong += twice_named(package.parent / "tests")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def read(package: Path) -> dict[str, Module]:
    """Return every module of a package by its full name."""
    paths = {_name(path, package): path for path in sorted(package.rglob("*.py"))}
    return {name: _module(name, path, paths) for name, path in paths.items()}


def circles(modules: Mapping[str, Module]) -> list[str]:
    """Return one line per circle of imports."""
    rings = (ring for ring in _components(modules) if len(ring) > 1)
    return [f"circle of imports: {' <-> '.join(sorted(ring))}" for ring in rings]


def broken_promises(modules: Mapping[str, Module]) -> list[str]:
    """Return one line per module that loads what its docstring says it must not."""
    wrong = []
    for name, module in modules.items():
        for library in _promised(module.docstring):
            path = _way(name, library, modules)
            if path:
                wrong.append(f'{name} says "Must not import {library}", but loads it: {" -> ".join(path)}')
    return wrong


def crowded(package: Path) -> list[str]:
    """Return one line per folder of too many modules."""
    folders = [package, *(path for path in package.rglob("*") if path.is_dir())]
    counts = {folder: len([p for p in folder.glob("*.py") if p.stem != "__init__"]) for folder in folders}
    return [
        f"{folder}: {count} modules, more than {MOST_MODULES}; make rooms in it"
        for folder, count in sorted(counts.items())
        if count > MOST_MODULES
    ]


def twice_named(tests: Path) -> list[str]:
    """Return one line per name that several test files bear."""
    files = defaultdict[str, list[Path]](list)
    for path in sorted(tests.rglob("test_*.py")):
        files[path.name].append(path)
    return [
        f"test files of one name: {', '.join(map(str, paths))}" for paths in files.values() if len(paths) > 1
    ]


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, path: Path, paths: Mapping[str, Path]) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = Module(path, ast.get_docstring(tree) or "")
    for target, is_loaded in _imports(tree, paths, is_loaded=True):
        if target != name:
            module.named.add(target)
            if is_loaded:
                module.loaded.add(target)
    return module


def _imports(node: ast.AST, paths: Mapping[str, Path], is_loaded: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, is_loaded) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module is not None:
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield (whole if whole in paths else child.module), is_loaded
        is_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(child)
        yield from _imports(child, paths, is_loaded and not is_later)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _promised(docstring: str) -> list[str]:
    text = " ".join(docstring.split())
    return [
        library
        for sentence in PROMISE.findall(text)
        for library in re.split(r",\s*|\s+(?:or|and|nor)\s+", sentence)
        if library
    ]


def _way(start: str, library: str, modules: Mapping[str, Module]) -> list[str]:
    """Return the imports that lead from a module to a library; empty where none do."""
    before: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for target in _loaded_with(name, modules):
            if target == library or target.startswith(f"{library}."):
                path = [library, name]
                while path[-1] in before:
                    path.append(before[path[-1]])
                return path[::-1]
            if target in modules and target not in before and target != start:
                before[target] = name
                queue.append(target)
    return []


def _loaded_with(name: str, modules: Mapping[str, Module]) -> set[str]:
    """Return what importing a module loads at once: its imports, and the packages it lies in."""
    parents = name.split(".")[:-1]
    packages = {".".join(parents[:i]) for i in range(1, len(parents) + 1)}
    return modules[name].loaded | (packages & modules.keys())


def _components(modules: Mapping[str, Module]) -> list[list[str]]:
    """Return the strongly connected components, by Tarjan's algorithm without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []
    for root in modules:
        work = [(root, iter(sorted(modules[root].named & modules.keys())))] if root not in order else []
        while work:
            name, targets = work[-1]
            if name not in order:
                order[name] = low[name] = len(order)
                stack.append(name)
            for target in targets:
                if target not in order:
                    work.append((target, iter(sorted(modules[target].named & modules.keys()))))
                    break
                if target in stack:
                    low[name] = min(low[name], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == order[name]:
                    cut = stack.index(name)
                    components.append(stack[cut:])
                    del stack[cut:]
    return components


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
