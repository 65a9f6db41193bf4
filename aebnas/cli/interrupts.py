"""Ctrl-C and SIGTERM: the first stops in order, the second waits, the third ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Raises one KeyboardInterrupt; while the workers stop, impatience prints no traceback."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        """Take over the signals, where this is the main thread."""
        if threading.current_thread() is threading.main_thread():
            # what a shell tells background jobs to ignore stays ignored
            ours = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._handle) for number in ours}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back, unless the process is ending because of one."""
        if self._count == 0:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def renew(self) -> None:
        """Take over again: Ray's start puts a handler of its own, which aborts, over that of SIGTERM."""
        for number in self._before:
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1:
            raise KeyboardInterrupt
        if self._count > 2:
            os._exit(INTERRUPTED)
        # print() may be interrupted in its own middle, where it must not be entered again
        with contextlib.suppress(OSError):  # standard error may be gone
            os.write(2, b"\nStopping; what is finished is kept. Once more ends at once.\n")
