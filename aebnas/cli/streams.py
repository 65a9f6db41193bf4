"""Standard output and error that may be lost in mid-command: a reader that has gone, a full disk, no stream.

A command that works and keeps its work goes on without its view; one that only prints ends.  Lost is lost:
the first failure decides, and nothing is written to the stream afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

GONE = 141
"""Exit code of a command that only prints and whose reader has gone: 128 + SIGPIPE, as a shell gives it."""


class OutputLost(Exception):  # noqa: N818 - ends a command in order, like KeyboardInterrupt
    """Standard output of a command that only prints cannot be written."""


class GuardedStream:
    """A text stream whose failures end or silence it, but never come out as an ``OSError``."""

    def __init__(self, stream: TextIO | None, goes_on: bool) -> None:
        """Guard a stream.

        Args:
            stream: None: the process was started without it.
            goes_on: Whether the command goes on without it; else the first failure is an ``OutputLost``.
        """
        self._stream: TextIO = stream or io.StringIO()
        self._is_absent = stream is None
        self._is_terminal = self._stream.isatty()
        self.goes_on = goes_on
        self.command = ""
        """What goes on, for the message; empty: nothing is said."""
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write, unless the stream is lost."""
        if self.lost is None:
            try:
                if self._is_absent:
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write, unless the stream is lost."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand everything to the system, unless the stream is lost."""
        if self.lost is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        """Answer everything else as the guarded stream does."""
        return getattr(self._stream, name)

    @property
    def is_reader_gone(self) -> bool:
        """Return whether it was lost because nobody reads it any more: a closed pipe, a closed terminal."""
        is_closed_terminal = self.lost is not None and self.lost.errno == errno.EIO and self._is_terminal
        return isinstance(self.lost, BrokenPipeError) or is_closed_terminal

    def reason(self) -> str:
        """Return why it was lost."""
        return "its reader has gone" if self.is_reader_gone else str(self.lost and self.lost.strerror)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # what Python still holds back would fail again, with a complaint, when the process ends
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
        if not self.goes_on:
            raise OutputLost(self.reason()) from error
        if self.command:
            print_error(f"standard output: {self.reason()}; {self.command} goes on without it")


@contextmanager
def guarded_streams() -> Iterator[GuardedStream]:
    """Guard standard output and error of this process; yield that of output, which ends a command.

    A terminal without UTF-8 gets '?', not a traceback.
    """
    fill_closed_descriptors()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    output = GuardedStream(before[0], goes_on=False)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, GuardedStream(before[1], goes_on=True))
    try:
        yield output
    finally:
        with contextlib.suppress(OutputLost):
            output.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def fill_closed_descriptors() -> None:
    """Open closed ones of the first three to nowhere: else the next file, a database say, is printed into."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def print_error(message: str) -> None:
    """Print on standard error, every line marked as ours."""
    for line in message.splitlines():
        print(f"aebnas: {line}", file=sys.stderr, flush=True)


def print_if_unseen(message: str) -> None:
    """Tell the last words of a command on standard error, if standard output is lost."""
    sys.stdout.flush()
    if isinstance(sys.stdout, GuardedStream) and sys.stdout.lost is not None:
        print_error(message)
