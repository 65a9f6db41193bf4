"""What is wrong with many files, gathered and told at once: twenty of them, and how many more there are.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aebnas.errors import DataError

MOST_SHOWN = 20


class Problems:
    """Gathers messages; each stands on a line of its own."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[str] = []
        self._cures: list[str] = []

    def add(self, message: str, cure: str = "") -> None:
        """Note a problem; a cure that many share is told once, at the end."""
        self.count += 1
        if len(self._shown) < MOST_SHOWN:
            self._shown.append(message)
        if cure and cure not in self._cures:
            self._cures.append(cure)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a ``DataError`` that is raised inside, and go on."""
        try:
            yield
        except DataError as error:
            self.add(str(error))

    def refuse(self, where: str) -> None:
        """Tell all that was noted.

        Args:
            where: What they lie in.

        Raises:
            DataError: Something was noted.
        """
        if not self.count:
            return
        if self.count == 1:
            raise DataError(" ".join([*self._shown, *self._cures]))
        more = [f"... and {self.count - MOST_SHOWN:,} more"] if self.count > MOST_SHOWN else []
        raise DataError("\n".join([f"{where}: {self.count:,} problems:", *self._shown, *more, *self._cures]))
