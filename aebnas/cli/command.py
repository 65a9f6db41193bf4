"""What a command of the command line is: its name, its help, its options, and what it does.

Each command is one file below ``commands/``, which names it ``COMMAND``; ``main.py`` lists them.  Such a file
imports, beside the options, nothing that takes time: it is read for every ``aebnas --help``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from aebnas.cli.help_text import HelpText


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    """As it is typed."""
    summary: str
    """Its line in ``aebnas --help``."""
    description: str
    """What its own ``--help`` begins with."""
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Do it and return the exit code; its errors are told by ``main``."""
    only_prints: bool = False
    """Whether it ends with standard output; others keep their work on disk, and go on to its end."""
    is_consent: bool = False
    """Whether giving it is consent to run code from outside: it trains or measures what the user's own file
    or run says.  Others run such code if they are told ``--allow-code``."""

    def enter(self, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add the command to those of a parser."""
        parser = commands.add_parser(
            self.name,
            help=self.summary,
            description=self.description,
            formatter_class=HelpText,
            allow_abbrev=False,
        )
        self.add_options(parser)
