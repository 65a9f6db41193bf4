"""Texts with places to fill in: jinja templates that lie beside the code, in HTML with everything escaped.

Must not import torch.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def filled(package: str, folder: str, name: str, /, **values: object) -> str:
    """Return a template with its places filled in.

    Args:
        package: Package in which it lies, as ``aebnas.report``.
        folder: Folder of that package.
        name: Its file, ``.html`` or of plain text.
        values: By the names of the places; in HTML, text that is not marked as HTML is escaped.

    Raises:
        jinja2.UndefinedError: A place is left empty.
    """
    return _environment(package, folder).get_template(name).render(**values)


@cache
def _environment(package: str, folder: str) -> Environment:
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
