"""Raw samples of a profile in progress, appended round by round.

    hardware_profiles/NAME.samples.csv      target line, then batch,round,what,value,note

A kill at any moment loses at most the round that was being measured: a torn last
line is dropped.  ``what`` is a layer's signature, ``ANCHOR_NAME``, or what one of the functions below
names: an empty call, a layer's energy, a whole network.

Must not import torch.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import HardwareError
from aebnas.files.atomic import append_whole
from aebnas.hardware.devices.target import Target

FINISHED = "# a profile was made of these\n"
ANCHOR_NAME = "*anchor"
"""Not a signature: the anchor network."""


def empty_name(end: TensorSpec) -> str:
    """Return what the empty call of one end of a layer is filed under."""
    return f"*empty-in{end.channels}@{end.size_text()}"


def energy_name(signature: str) -> str:
    """Return what the energy of a layer is filed under."""
    return f"*energy-{signature}"


def exit_name(space: str, key: str, exit_: int) -> str:
    """Return what runs of a network that stop at an exit are filed under."""
    return f"*network-{space}-{key}-exit{exit_}"


@dataclass(frozen=True)
class Sample:
    """The median of one chunk of calls."""

    batch: int
    round: int
    what: str
    value: float
    """Nanoseconds; of an energy nanojoules."""
    note: str = ""
    """What disturbed the round, one of ``profile_table.NOTES``."""


@dataclass
class SampleFile:
    """The file, and everything in it by layer."""

    path: Path | None = None
    """None: nothing is kept beyond this process."""
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    batches: int = 0
    """Batches that were begun."""

    @classmethod
    def open(cls, path: Path, target: Target, conditions: str = "") -> SampleFile:
        """Return the samples of an unfinished profile in a file; make it where there is none.

        Args:
            path: The file.
            target: What is profiled.
            conditions: Device and versions, on one line: samples of others must not be mixed.

        Raises:
            HardwareError: It was made for another target or under other conditions, or cannot be
                read or written.
        """
        header = f"# {target}{f'; {conditions}' if conditions else ''}\n"
        samples = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            if not text.endswith("\n"):
                text = text[: text.rfind("\n") + 1]
                with path.open("a", encoding="utf-8") as file:
                    # cut, not written anew: a kill right here must not lose what was measured
                    file.truncate(len(text.encode()))
                    file.write("" if text else header)
        except (OSError, UnicodeDecodeError) as error:
            raise HardwareError(f"{path}: {error}") from error
        if text and not text.startswith(header):
            was = text.split("\n", 1)[0].removeprefix("# ")
            raise HardwareError(
                f"{path} holds samples of another target ({was}), not of {header[2:-1]}. "
                "Name another profile with -o, or measure anew with --again"
            )
        samples._take(text)
        return samples

    def append(self, samples: Sequence[Sample]) -> None:
        """Write one round, and remember it.

        Raises:
            HardwareError: The file cannot be written.
        """
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        for sample in samples:
            writer.writerow([sample.batch, sample.round, sample.what, f"{sample.value:.0f}", sample.note])
            self._add(sample)
        self._write(buffer.getvalue())

    def finish(self) -> None:
        """Note that a profile was made of these samples: no later one will take them.

        Raises:
            HardwareError: The file cannot be written.
        """
        self._write(FINISHED)

    def _write(self, text: str) -> None:
        if self.path is None:
            return
        try:
            append_whole(self.path, text.encode())
        except OSError as error:
            raise HardwareError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _take(self, text: str) -> None:
        old, _, new = text.rpartition(FINISHED)
        self._take_rows(old)
        self.samples.clear()
        self._take_rows(new)

    def _take_rows(self, text: str) -> None:
        for row in csv.reader(line for line in text.splitlines() if not line.startswith("#")):
            try:
                batch, number, what, value, note = row
                self._add(Sample(int(batch), int(number), what, float(value), note))
            except ValueError as error:
                raise HardwareError(f"{self.path}: {','.join(row)!r} is no sample: {error}") from error

    def _add(self, sample: Sample) -> None:
        self.samples[sample.what].append(sample)
        self.batches = max(self.batches, sample.batch + 1)

    def batch_medians(self, what: str) -> Mapping[int, float]:
        """Return the median of the anchor or of an empty call in each batch, in nanoseconds."""
        by_batch: dict[int, list[float]] = defaultdict(list)
        for sample in self.samples.get(what, ()):
            by_batch[sample.batch].append(sample.value)
        return {batch: float(np.median(values)) for batch, values in by_batch.items()}
