"""Logs of a training: ``log.csv``, one row per epoch, and TensorBoard events.

The CSV is written anew from all rows: after a kill it holds what the saved state holds, no
epoch twice.  Must not import torch.
"""

from __future__ import annotations

import csv
import io
import platform
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from aebnas.search.store import write_atomically

CSV = "log.csv"
TENSORBOARD = "tensorboard"
Row = Mapping[str, float | int | str]
"""``epoch``, ``phase``, ``loss``, ``learning_rate``, ``seconds``; ``accuracy[EXIT]`` where it was counted."""


def columns(exit_names: Sequence[str]) -> list[str]:
    """Return the columns of the CSV."""
    return [
        "epoch",
        "phase",
        "loss",
        "learning_rate",
        "seconds",
        *(f"accuracy[{name}]" for name in exit_names),
    ]


class TrainingLog:
    """Writes both logs into a folder."""

    def __init__(self, folder: Path, exit_names: Sequence[str], known: Sequence[Row]) -> None:
        """Begin behind what is known; the files appear with the first row.

        Args:
            folder: Of the network.
            exit_names: Of its exits, in order.
            known: Rows of an interrupted training, which this one continues.
        """
        self._folder = folder
        self._columns = columns(exit_names)
        self.rows: list[Row] = list(known)
        self._events: Path | None = None

    def write(self) -> None:
        """Write the last of ``rows`` to both logs."""
        text = io.StringIO()
        table = csv.DictWriter(text, self._columns, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        write_atomically(self._folder / CSV, text.getvalue().encode())
        self._to_tensorboard(self.rows[-1])

    def _to_tensorboard(self, row: Row) -> None:
        # no SummaryWriter: its thread would keep a full disk from whoever trains
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.summary import scalar

        epoch, now = int(row["epoch"]), time.time()
        events = [
            Event(wall_time=now, step=epoch, summary=scalar(name.replace("[", "/").rstrip("]"), float(value)))
            for name, value in row.items()
            if name not in ("epoch", "phase")
        ]
        if self._events is None:
            self._events = self._folder / TENSORBOARD / f"events.out.tfevents.{now:.0f}.{platform.node()}"
            self._events.parent.mkdir(parents=True, exist_ok=True)
            # what an interrupted training wrote beyond its saved state is taken back
            start = SessionLog(status=SessionLog.START)
            version = Event(wall_time=now, step=epoch, file_version="brain.Event:2")
            events = [version, Event(wall_time=now, step=epoch, session_log=start), *events]
        with self._events.open("ab") as file:
            file.write(b"".join(_record(event.SerializeToString()) for event in events))


def _record(content: bytes) -> bytes:
    """Return an event as it stands in a TensorBoard file: length and content, a checksum behind each."""
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(content))
    return b"".join(
        [length, struct.pack("<I", masked_crc32c(length)), content, struct.pack("<I", masked_crc32c(content))]
    )
