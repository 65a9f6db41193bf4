"""A downloader for pooch that goes on where it was interrupted.

The bytes collect in ``NAME.part`` beside the target; a later attempt asks the
server for the rest only.  pooch verifies the checksum of the whole file, so a
server that changed the file between two attempts is found out.

Must not import torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from aebnas.errors import DataError

_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = (10, 30)
_BUSY = (408, 429, 500, 502, 503, 504)


class ResumingDownloader:
    """Downloads a URL to a file, called by pooch as ``downloader(url, output, pooch)``.

    Args:
        part: Where the bytes collect until the file is complete.
        progress: Show a progress bar on standard error.
        attempts: How often to try before giving up; the part file stays for the next time.
        pause_s: Pause after the first failed attempt, doubled after each.
    """

    def __init__(self, part: Path, *, progress: bool, attempts: int = 5, pause_s: float = 1.0) -> None:
        """Remember the settings; nothing is opened yet."""
        self.part = part
        self.progress = progress
        self.attempts = attempts
        self.pause_s = pause_s

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Download ``url`` and move the complete file to ``output_file``."""
        for attempt in range(self.attempts):
            try:
                self._attempt(url)
                break
            except requests.RequestException as error:
                status = error.response.status_code if error.response is not None else None
                is_last = attempt == self.attempts - 1
                if is_last or (status is not None and status not in _BUSY):
                    raise DataError(str(error)) from error
                time.sleep(self.pause_s * 2**attempt)
        os.replace(self.part, output_file)

    def _attempt(self, url: str) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        # identity: a server that "decodes" .gz on the way would change the bytes
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            if response.status_code == 416:  # the part is no prefix of the file, or already all of it
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return
                self.part.unlink()
                raise requests.ConnectionError("the partial file did not fit and was deleted")
            response.raise_for_status()
            is_rest = response.status_code == 206
            if is_rest and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise requests.ConnectionError("the server sent another range than it was asked for")
            self._receive(response, have if is_rest else 0)

    def _receive(self, response: requests.Response, have: int) -> None:
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        with (
            open(self.part, "ab" if have else "wb") as file,
            _bar(self.part.stem, have, total, self.progress) as step,
        ):
            for chunk in response.iter_content(_CHUNK_BYTES):
                file.write(chunk)
                step(len(chunk))
        size = self.part.stat().st_size
        if total is not None and size != total:
            raise requests.ConnectionError(f"the connection ended after {size} of {total} bytes")


@contextmanager
def _bar(name: str, have: int, total: int | None, is_shown: bool) -> Iterator[Callable[[int], object]]:
    if not is_shown:
        yield lambda _size: None
        return
    from rich.console import Console

    from aebnas.terminal.bars import FittedProgress, received

    with FittedProgress(Console(stderr=True), received) as progress:
        task = progress.add_task(name, completed=have, total=total)
        yield lambda size: progress.advance(task, size)
