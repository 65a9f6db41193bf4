"""How long modules and functions may be: what is longer does too much, and is split along a seam.

There are no exceptions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MAX_MODULE = 300
"""Lines of a module, all counted."""
MAX_FUNCTION = 60
"""Lines of a function, its docstring not counted."""


def too_long(package: Path) -> list[str]:
    """Return one line per module and function that is too long.

    Args:
        package: Folder of the package.
    """
    wrong = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        count = len(text.splitlines())
        if count > MAX_MODULE:
            wrong.append(f"{path}: {count} lines, more than {MAX_MODULE}; split it along a seam")
        wrong += [f"{path}:{line}: {what}" for line, what in _long_functions(text)]
    return wrong


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _long_functions(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) else 0)
            if count > MAX_FUNCTION:
                yield node.lineno, f"{node.name} has {count} lines, more than {MAX_FUNCTION}"
