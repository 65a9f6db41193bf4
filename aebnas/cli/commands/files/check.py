"""``aebnas check``."""

from __future__ import annotations

import argparse

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json, add_overrides, positive


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", help="a search-space file")
    parser.add_argument(
        "--samples", type=positive, default=1000, help="random architectures to cost (default 1000)"
    )
    add_allow_code(parser, "to check it too")
    add_overrides(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Validate a file and describe its space."""
    from aebnas.api.files import load_search_file

    config = load_search_file(arguments.file, arguments.overrides)
    from aebnas.cli.views.unread_code import describe_unread
    from aebnas.search.unread_code import has_unread_space

    if has_unread_space(config):
        describe_unread(config, arguments.file, arguments.json)
        return 0
    from aebnas.cli.views.description import describe

    describe(arguments.file, arguments.overrides, arguments.samples, arguments.json)
    return 0


COMMAND = Command(
    "check",
    "validate a search-space file and show how large its space is",
    "Validate a search-space file and show its genes, its size and its costs.",
    add_options,
    run,
    only_prints=True,
)
