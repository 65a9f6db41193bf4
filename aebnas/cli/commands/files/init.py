"""``aebnas init``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from aebnas.cli.command import Command
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", nargs="?", default="search_space.yaml", help="default: search_space.yaml")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def run(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    from aebnas.config import starter_file
    from aebnas.files.atomic import write_atomically

    path = Path(arguments.file)
    if path.exists() and not arguments.force:
        raise ConfigError(f"{path} exists already; overwrite it with --force, or name another file")
    try:
        write_atomically(path, starter_file().encode())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
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
