"""What runs in the processes of ``test_aside.py``."""

from __future__ import annotations

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from aebnas.errors import DataError
from aebnas.search.workers.cluster.aside import receive, serve


class Served:
    """Answers, fails and dies on request."""

    def echo(self, value: Any) -> Any:
        return value

    def refuse(self) -> None:
        raise DataError("no such images")

    def break_down(self) -> None:
        raise KeyError("a defect")

    def slow(self) -> str:
        time.sleep(1.5)
        return "late"

    def write(self) -> None:
        print("a raw line")
        os.write(1, b"a raw line\n")
        os.write(2, b"[2026-11-30 19:34:01,846 C 8787 8787] rpc_client.h:153: a raw line\n")
        print("a raw line", file=sys.stderr)

    def session(self) -> tuple[int, list[str]]:
        return os.getsid(0), sys.path

    def end(self, code: int) -> None:
        os._exit(code)

    def kill(self, number: int) -> None:
        os.kill(os.getpid(), signal.Signals(number))


def serving(pipe: Connection) -> None:
    serve(pipe, Served())


def silent(pipe: Connection) -> None:
    """Hang even where the parent is gone."""
    receive(pipe)
    time.sleep(60)
