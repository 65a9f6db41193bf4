"""TensorBoard event files, written at once.

No ``SummaryWriter``: its thread would keep a full disk from whoever writes.  Must not import torch.
"""

from __future__ import annotations

import platform
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from aebnas.files.atomic import append_whole


class EventFile:
    """Appends named numbers to a file of a folder; both appear with the first ones."""

    def __init__(self, folder: Path) -> None:
        """Write into a folder."""
        self._folder = folder
        self._path: Path | None = None

    def append(self, numbers: Mapping[str, float], step: int) -> None:
        """Write numbers of one step; the first call takes back what earlier files say of later steps.

        Raises:
            OSError: The file cannot be written.
        """
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.summary import scalar

        now = time.time()
        events = [
            Event(wall_time=now, step=step, summary=scalar(name, float(value)))
            for name, value in numbers.items()
        ]
        if self._path is None:
            self._path = self._folder / f"events.out.tfevents.{now:.0f}.{platform.node()}"
            self._folder.mkdir(parents=True, exist_ok=True)
            start = SessionLog(status=SessionLog.START)
            version = Event(wall_time=now, step=step, file_version="brain.Event:2")
            events = [version, Event(wall_time=now, step=step, session_log=start), *events]
        append_whole(self._path, b"".join(_record(event.SerializeToString()) for event in events))


def _record(content: bytes) -> bytes:
    """Return an event in the format of TensorBoard files: length and content, each with its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(content))
    return b"".join(
        [length, struct.pack("<I", masked_crc32c(length)), content, struct.pack("<I", masked_crc32c(content))]
    )
