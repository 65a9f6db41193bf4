"""``aebnas train --inherit``: a training that begins with the weights that the run's supernet holds.

The supernet has learned from the run's train split alone; a full training adds those of select, and
calibrate and test stay apart from both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aebnas.config.schema import SearchFile
from aebnas.errors import ConfigError, RunError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.supernet.identity import supernet_facts
from aebnas.supernet.inheritance import Images, supernet_with
from aebnas.supernet.storage import check_facts, load_supernet, stored_facts, supernet_file
from aebnas.train.full.plan import Plan


@dataclass(frozen=True)
class Inheritance:
    """A run's trained supernet, by name: its weights are read where a network begins with them."""

    file: Path
    config: SearchFile
    """Of the run."""
    sha256: str
    """Of the file."""

    def give(self, network: EarlyExitNetwork, images: Images) -> None:
        """Give a network of the run's space, with or without its early exits, the weights it has there.

        Statistics of batch norms are not among them: they follow from the training itself.

        Raises:
            RunError: The file cannot be read, or has changed.
        """
        if _sha256(self.file) != self.sha256:
            raise RunError(f"{self.file} has changed since this training was planned; begin it anew: --again")
        weights = load_supernet(self.file).arrays()
        heir = supernet_with(self.config, images, weights).extract(network.architecture)
        network.load_state_dict(heir.state_dict())


def inheritance_of(plan: Plan) -> Inheritance:
    """Return the supernet with whose weights a plan's networks can begin.

    Raises:
        ConfigError: The run is not known or has none, or the settings build other networks.
        RunError: The supernet is unfinished, damaged or of something else.
    """
    subject, config, images = plan.subject, plan.subject.config, plan.images
    if config is None:
        raise ConfigError(
            "--inherit: the run's supernet holds the weights, but this winner file does not lie in its run. "
            "Name the run itself: aebnas train RUN --pick KEY --inherit"
        )
    file = supernet_file(Path(subject.run))
    if not file.is_file():
        raise ConfigError(
            f"--inherit: {subject.run} has no supernet to inherit from ({file} is missing); "
            "searches with evaluation.fidelities: [inherited] leave one"
        )
    if plan.settings.training.carry != config.training.carry:
        raise ConfigError(
            f"training.loss: {plan.settings.training.loss.name} builds other networks than the supernet "
            f"holds, which was trained with {config.training.loss.name}; leave it, or --inherit, out"
        )
    stored, is_finished = stored_facts(file)
    channels, classes = images.train.shape[2], len(images.classes)
    check_facts(file, stored, supernet_facts(config, images.fingerprint, channels, classes))
    if not is_finished:
        raise RunError(f"{file} is half trained. Finish it: aebnas resume {subject.run}")
    return Inheritance(file, config, _sha256(file))


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{file}: {error.strerror or error}") from error
