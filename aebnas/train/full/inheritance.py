"""A run's trained supernet, with whose weights a full training begins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aebnas.errors import RunError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.supernet.inheritance import supernet_with
from aebnas.supernet.settings import SupernetSettings
from aebnas.supernet.storage import load_supernet
from aebnas.task.task import Task


@dataclass(frozen=True)
class Inheritance:
    """A run's trained supernet, by name: its weights are read where a network begins with them."""

    file: Path
    settings: SupernetSettings
    """How it was trained."""
    sha256: str
    """Of the file."""

    def give(self, network: EarlyExitNetwork, task: Task) -> None:
        """Give a network of the run's space, with or without its early exits, the weights it has there.

        Statistics of batch norms are not among them: they follow from the training itself.

        Raises:
            RunError: The file cannot be read, or has changed.
        """
        if _sha256(self.file) != self.sha256:
            raise RunError(f"{self.file} has changed since this training was planned; begin it anew: --again")
        weights = load_supernet(self.file).arrays()
        subnet = supernet_with(self.settings, task, weights).extract(network.architecture)
        network.load_state_dict(subnet.state_dict())


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{file}: {error.strerror or error}") from error
