"""Which view shows a search: JSON lines, a live panel, plain lines."""

from __future__ import annotations

from rich.console import Console

from aebnas.cli.views.plain import PlainView
from aebnas.cli.views.views import View


def make_view(json: bool) -> View:
    """Return JSON lines if they are asked for, a live panel on a terminal, else plain lines."""
    if json:
        from aebnas.cli.views.json_lines import JsonLines

        return JsonLines()

    console = Console(highlight=False, markup=False)
    if console.is_terminal and not console.is_dumb_terminal:
        from aebnas.cli.views.live import LiveView

        return LiveView(console)

    return PlainView()
