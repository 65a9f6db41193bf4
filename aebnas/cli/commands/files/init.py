"""``aebnas init``."""

from __future__ import annotations

import argparse
import shlex

from aebnas.cli.command import Command
from aebnas.cli.streams import print_if_unseen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", nargs="?", default="search_space.yaml", help="default: search_space.yaml")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def run(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    from aebnas.api.files import write_starter_file

    path = write_starter_file(arguments.file, arguments.force)
    file = shlex.quote(str(path))
    print(f"{path} is ready. See what it spans: aebnas check {file}   Search it: aebnas search {file}")
    print_if_unseen(f"{path} is ready")
    return 0


COMMAND = Command(
    "init",
    "write a commented search-space file",
    "Write a complete search-space file in which every field stands with its meaning.",
    add_options,
    run,
)
