"""The command line: parse, call, print.

Heavy libraries are imported by the command that needs them, so that ``--help``
answers at once.
"""

from aebnas.cli.main import main

__all__ = ["main"]
