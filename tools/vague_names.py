"""Local variables that do not say what they hold (``one``, ``found``): ``make lint`` refuses new ones.

A variable is a noun for its content: ``evaluation``, not ``one``.  Counted are the names that a function
binds: parameters, assignments, loops, comprehensions, ``with``, ``except``, patterns.  Fields of classes and
constants of modules are no local variables.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

VAGUE = frozenset({"one", "found", "known", "wanted"})
NOT_YET: frozenset[str] = frozenset(
    {
        "cli",
        "data",
        "deploy",
        "exits",
        "files",
        "hardware",
        "heads",
        "nets",
        "pretrained",
        "report",
        "runs",
        "runtime",
        "space",
        "train",
        "training",
    }
)
"""Rooms of the package that still have some; a room without any must leave the list."""


def vague_names(package: Path, not_yet: Collection[str] = NOT_YET) -> list[str]:
    """Return one line per local variable of a vague name, and per room that needs no exception any more.

    Args:
        package: Folder of the package.
        not_yet: Its folders (or modules, with ``.py``) in which such names are not refused.
    """
    wrong, rooms = [], set[str]()
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0]
        for line, name in _bindings(ast.parse(path.read_text(encoding="utf-8"))):
            if name not in VAGUE:
                continue
            rooms.add(room)
            if room not in not_yet:
                wrong.append(f"{path}:{line}: {name!r} does not say what it holds; call it by its content")
    left = sorted(room for room in not_yet if (package / room).exists() and room not in rooms)
    return wrong + [f"{package / room}: no vague names any more; take it off NOT_YET" for room in left]


def _bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything that functions of a module bind."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ((argument.lineno, argument.arg) for argument in _arguments(function.args))
    inside = {id(node): node for function in _functions(tree) for node in ast.walk(function)}
    for node in inside.values():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and node.name:
            yield node.lineno, node.name


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield everything that has local variables: functions, and comprehensions at any level."""
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    loops = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    yield from (node for node in ast.walk(tree) if isinstance(node, scopes + loops))


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None)
