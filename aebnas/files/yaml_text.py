"""Plain values as the YAML that we read: what our reader would take for a number is quoted.

A key of 16 hexadecimal digits with a single e, say.  Must not import torch.
"""

from __future__ import annotations

from typing import Any

import yaml

from aebnas.files.yaml_syntax import SCALARS

WIDTH = 110


def yaml_text(plain: Any) -> str:
    """Return plain values as YAML that reads back equal; lists of values stand on one line."""
    text: str = yaml.dump(
        plain, Dumper=PlainDumper, default_flow_style=None, sort_keys=False, width=WIDTH, allow_unicode=True
    )
    return text


class PlainDumper(yaml.SafeDumper):
    """Quotes what our reader would take for a number or a boolean; writes no aliases."""

    yaml_implicit_resolvers = {None: SCALARS}  # noqa: RUF012 - PyYAML reads it from the class

    def ignore_aliases(self, data: Any) -> bool:
        """Return that values that occur twice are written twice."""
        return True
