"""The console of results that are no live view."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH = 120
"""Columns of tables in a pipe, which has no width of its own."""


def results_console() -> Console:
    """Return a console that prints lines as they are: a path is neither wrapped nor read as markup.

    Tables are printed with ``soft_wrap=False``.
    """
    width = None if sys.stdout.isatty() else WIDTH
    return Console(highlight=False, markup=False, soft_wrap=True, width=width)
