"""Local variables that do not say what they hold (``one``, ``found``): ``make lint`` refuses new ones.

A variable is a noun for its content: ``evaluation``, not ``one``.  Counted are the names that a function
binds: parameters, assignments, loops, comprehensions, ``with``, ``except``, patterns.  Fields of classes and
constants of modules are no local variables.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

VAGUE = frozenset({"one", "found", "known", "wanted"})


def vague_names(package: Path) -> list[str]:
    """Return one line per local variable of a vague name in a package."""
    return [
        f"{path}:{line}: {name!r} does not say what it holds; call it by its content"
        for path in sorted(package.rglob("*.py"))
        for line, name in _bindings(ast.parse(path.read_text(encoding="utf-8")))
        if name in VAGUE
    ]


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
