"""Which commands may run code from outside: those that train what the user wrote, and others if told to."""

from __future__ import annotations

import argparse
from contextlib import nullcontext

from aebnas.cli.command import Command
from aebnas.errors import AebnasError
from aebnas.extensions.consent import allow_code
from aebnas.extensions.loading import users_error


def with_consent(arguments: argparse.Namespace, command: Command) -> int:
    """Run a command, with consent if it has it, and return its exit code.

    Raises:
        CodeError: An exception was raised in code from outside: it is told as the user's.
    """
    is_given = command.is_consent or getattr(arguments, "allow_code", False)
    with allow_code() if is_given else nullcontext():
        try:
            return command.run(arguments)
        except AebnasError:
            raise
        except Exception as error:
            text = users_error(error)
            if text is None:
                raise
            raise text from error
