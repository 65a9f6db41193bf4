"""A child process for what may crash, hang or print: this process goes on whatever happens there.

``Aside`` starts it and talks to it; ``serve`` is the loop at its other end.  Not ``multiprocessing``: that
runs the program's main module again, and the child would write on its terminal.  Large arrays cross the
pipe without another copy here.

Must not import torch or ray.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from aebnas.errors import AebnasError
from aebnas.extensions.consent import permit

END_SECONDS = 20.0
"""For the process to end in order; Ray takes some."""
BEGIN = """
import pickle, sys, traceback
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:], sys.argv[:], module, function = pipe.recv()
try:
    pipe.recv().take()
    main = getattr(__import__(module, fromlist=[function]), function)
except Exception:
    pipe.send_bytes(bytes(8) + pickle.dumps(RuntimeError(traceback.format_exc())))
else:
    main(pipe)
"""
"""The first words of the child: it finds the modules that its parent finds, and may run what it may."""


class GoneError(Exception):
    """The process aside ended or does not answer."""


class Aside:
    """A child process that runs one function of a module, given its end of a pipe.

    It sees no terminal: Ctrl-C reaches this process alone, and nothing that the child or its libraries
    print reaches anybody.  When this process ends, however it does, the child finds its pipe closed.
    """

    def __init__(self, module: str, function: str) -> None:
        """Start it."""
        self._pipe, theirs = Pipe()
        self._asked = 0
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BEGIN, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._pipe.send((list(sys.path), list(sys.argv), module, function))
        self._pipe.send(permit())

    def call(self, seconds: float, name: str, *arguments: Any) -> Any:
        """Return what the child's ``serve`` answers to one request.

        Args:
            seconds: To answer in.
            name: A method of the object that is served.
            arguments: Of the method.

        Raises:
            GoneError: It ended, or does not answer in time.
            AebnasError: The method raised it there.
        """
        self._asked += 1
        self.send((self._asked, name, arguments))
        number = 0
        while number != self._asked:  # an interrupted request may have left its answer behind
            number, is_answer, value = self.receive(seconds)
        if is_answer:
            return value
        raise value

    def send(self, message: Any) -> None:
        """Pass the child a message.

        Raises:
            GoneError: It ended.
        """
        try:
            send(self._pipe, message)
        except OSError as error:
            raise GoneError(self._end()) from error

    def receive(self, seconds: float) -> Any:
        """Return the child's next message; raise one that is an error.

        Raises:
            GoneError: It ended, or says nothing for so long.
            RuntimeError: A defect there, with its traceback.
        """
        try:
            if not self._pipe.poll(seconds):
                raise GoneError(f"no answer for {seconds:g} seconds")
            message = receive(self._pipe)
        except (OSError, EOFError) as error:
            raise GoneError(self._end()) from error
        if isinstance(message, Exception):
            raise message
        return message

    def close(self, seconds: float = END_SECONDS) -> None:
        """Let the child end in order, for so long; then kill it."""
        self._pipe.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _end(self) -> str:
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return "its process closed the connection"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its process ended with {how}"


def serve(pipe: Connection, served: Any) -> None:
    """Answer requests by calling methods, until the parent closes the pipe or is gone.

    Args:
        pipe: This end.
        served: Whose methods are called.
    """
    while True:
        try:
            number, name, arguments = receive(pipe)
            send(pipe, (number, *_answer(getattr(served, name), arguments)))
        except (OSError, EOFError):
            return


def send(pipe: Connection, message: Any) -> None:
    """Write one message; its arrays follow it as they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    pipe.send_bytes(len(buffers).to_bytes(8, "little") + body)
    for buffer in buffers:
        with buffer.raw() as raw:
            pipe.send_bytes(raw)


def receive(pipe: Connection) -> Any:
    """Read one message."""
    body = pipe.recv_bytes()
    buffers = [pipe.recv_bytes() for _ in range(int.from_bytes(body[:8], "little"))]
    return pickle.loads(memoryview(body)[8:], buffers=buffers)


def outlive_nobody() -> None:
    """End this child at once, without what libraries would still do at exit."""
    os._exit(0)


def _answer(method: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, method(*arguments)
    except AebnasError as error:
        return False, error
    except Exception:
        return False, RuntimeError(traceback.format_exc())
