"""What a person sees of a defect in AEBNAS: one line, and where the traceback lies."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

SHOW_TRACEBACK = "AEBNAS_TRACEBACK"
"""Environment variable: 1 prints tracebacks instead of filing them."""


def report_defect(error: Exception) -> None:
    """Print one line about an unexpected exception, and keep its traceback."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(SHOW_TRACEBACK):
        print(text, file=sys.stderr)
    summary = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    print(
        f"aebnas: {summary}. This is a defect in AEBNAS; finished candidates are kept. {_where(text)}",
        file=sys.stderr,
    )


def _where(text: str) -> str:
    """Keep the traceback in a file of its own and say where."""
    if os.environ.get(SHOW_TRACEBACK):
        return "The traceback stands above."
    path: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="aebnas-defect-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            path = file.name
            file.write(text)
    except OSError:
        if path is not None:
            os.unlink(path)
        return f"See the traceback: {SHOW_TRACEBACK}=1"
    return f"Traceback: {path}"
