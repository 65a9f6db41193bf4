"""Blocks of features on disk: the tensors of some images in a row, each a ``.npy`` file, and their record.

A block is a folder.  ``block.json`` is written last and names every tensor that is whole, with the sha256 of
its file: what it does not name, or what differs, is not there.  Readers map the files; a file that is written
again is another one, so that nobody's map changes.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from aebnas.files.atomic import write_together

RECORD = "block.json"
LONGEST = 80
"""Characters of a tensor's name in that of its file; of longer ones the end is a hash."""


@dataclass(frozen=True, eq=False)
class BlockTensor:
    """One tensor of a block."""

    values: NDArray[Any]
    """``(images, ...)``; read from a file: mapped, read-only."""
    exponents: tuple[int, ...] = (0,)
    """Of each batch of the block: its values are to be multiplied by 2 to this power."""


@dataclass(frozen=True)
class BlockFolder:
    """Where the features of some images in a row lie."""

    path: Path

    def names(self) -> frozenset[str]:
        """Return the tensors that are there with their whole length."""
        return frozenset(name for name, entry in self._entries().items() if self._has_length(name, entry))

    def read(self, name: str) -> BlockTensor | None:
        """Return a tensor whose checksum holds, mapped; None: it is not there, or damaged."""
        entry = self._entries().get(name)
        if entry is None or not self._has_length(name, entry):
            return None
        try:
            content = self._file(name).read_bytes()
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                return None
            values: NDArray[Any] = np.load(self._file(name), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return None
        return BlockTensor(values, tuple(entry["exponents"]))

    def write(self, tensors: Mapping[str, BlockTensor]) -> None:
        """Add tensors, all or none; those of the same names are replaced.

        Raises:
            OSError: They cannot be written; what was there is still there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        entries, contents = self._entries(), dict[Path, bytes]()
        for name, tensor in tensors.items():
            content = _npy(tensor.values)
            contents[self._file(name)] = content
            entries[name] = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "exponents": list(tensor.exponents),
            }
        contents[self.path / RECORD] = json.dumps(entries, sort_keys=True).encode()
        write_together(contents)

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            entries = json.loads((self.path / RECORD).read_bytes())
        except (OSError, ValueError):
            return {}
        return {
            name: entry
            for name, entry in (entries.items() if isinstance(entries, dict) else ())
            if isinstance(entry, dict) and entry.keys() == {"sha256", "bytes", "exponents"}
        }

    def _has_length(self, name: str, entry: Mapping[str, Any]) -> bool:
        try:
            return bool(self._file(name).stat().st_size == entry["bytes"])
        except OSError:
            return False

    def _file(self, name: str) -> Path:
        return self.path / f"{file_name(name)}.npy"


def file_name(name: str) -> str:
    """Return a name as files can have it, another one for every name."""
    plain = quote(name, safe=" ")
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
