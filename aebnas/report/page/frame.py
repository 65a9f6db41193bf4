"""The frame of a self-contained page: its body, scripts and styles, and the file around them.

A page loads nothing: scripts, styles and data are inside, and its content security policy
forbids the network and every script but its own.  Must not import torch.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

from aebnas.files.templates import filled
from aebnas.report.page.markup import Markup, element, joined
from aebnas.version import __version__


def whole_page(title: str, body: Markup, style: str, data: Markup, scripts: Sequence[str]) -> str:
    """Return a whole page as HTML.

    Args:
        title: Of the window.
        body: Its content.
        style: Its style sheet.
        data: The element that its scripts read.
        scripts: What runs, in order; nothing in them may end a script element.
    """
    policy = (
        f"default-src 'none'; script-src {' '.join(_digest(script) for script in scripts)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return filled(
        "aebnas.report",
        "assets",
        "page.html",
        policy=Markup(policy),
        title=title,
        style=Markup(style),
        body=body,
        footer=f"Written by AEBNAS {__version__} on {written}. This page is one file and loads nothing.",
        data=data,
        scripts=joined(element("script", Markup(script)) for script in scripts),
    )


def body(name: str, /, **values: object) -> Markup:
    """Return the body of a page: a template of ``assets`` with its places filled in, text in it escaped."""
    return Markup(filled("aebnas.report", "assets", name, **values))


def script(names: Sequence[str]) -> str:
    """Return a page's script: files of ``assets`` in order, in a scope of their own."""
    parts = [resource(f"{name}.js") for name in names]
    return '(function () {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def resource(name: str) -> str:
    """Return a file of ``assets``: a style sheet, a script, the page around them."""
    return (files("aebnas.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """Return what a content security policy allows this script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
