"""HTML in which everything is escaped unless it was made here.

Names, reasons of failures and whatever else comes from files are plain ``str`` and
can never become elements, attributes or scripts.  Must not import torch.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it as templates take it: unescaped."""
        return self


def element(tag: str, *children: str, attributes: Mapping[str, str] | None = None) -> Markup:
    """Return an element; children and attribute values that are no ``Markup`` are escaped."""
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in (attributes or {}).items())
    return Markup(f"<{tag}{written}>{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Markup:
    """Return children side by side, escaped unless they are ``Markup``."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(child) for child in children))


def data_script(name: str, value: Any) -> Markup:
    """Return a script element that holds data as JSON; no text in it can end the element."""
    text = json.dumps(finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Markup(text), attributes={"type": "application/json", "id": name})


def finite(value: Any) -> Any:
    """Return a value with None for infinite numbers and NaN, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
