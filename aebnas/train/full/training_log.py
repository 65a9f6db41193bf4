"""Logs of a training: ``log.csv``, one row per epoch, and TensorBoard events.

The CSV is written anew from all rows: after a kill it holds what the saved state holds, no
epoch twice.  Must not import torch.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from aebnas.files.atomic import write_atomically
from aebnas.files.event_file import EventFile

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

    def __init__(self, folder: Path, exit_names: Sequence[str], rows: Sequence[Row]) -> None:
        """Continue after the rows that are known; the files are written with the first row.

        Args:
            folder: Of the network.
            exit_names: Of its exits, in order.
            rows: Rows of an interrupted training, which this one continues.
        """
        self._folder = folder
        self._columns = columns(exit_names)
        self.rows: list[Row] = list(rows)
        # what an interrupted training wrote beyond its saved state is taken back with the first epoch
        self._events = EventFile(folder / TENSORBOARD)

    def write(self) -> None:
        """Write the last of ``rows`` to both logs."""
        text = io.StringIO()
        table = csv.DictWriter(text, self._columns, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        write_atomically(self._folder / CSV, text.getvalue().encode())
        row = self.rows[-1]
        numbers = {
            name.replace("[", "/").rstrip("]"): float(value)
            for name, value in row.items()
            if name not in ("epoch", "phase")
        }
        self._events.append(numbers, int(row["epoch"]))
