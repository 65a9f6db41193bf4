"""``aebnas train --inherit``: a training that begins with the weights that the run's supernet holds.

The supernet has learned from the run's train split alone; a full training adds those of select, and
calibrate and test stay apart from both.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import ConfigError, RunError
from aebnas.supernet.identity import supernet_facts
from aebnas.supernet.storage import check_facts, stored_facts, supernet_file
from aebnas.train.full.inheritance import Inheritance, _sha256
from aebnas.train.full.plan import Plan


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
    check_facts(file, stored, supernet_facts(config, images.fingerprint, images.task))
    if not is_finished:
        raise RunError(f"{file} is half trained. Finish it: aebnas resume {subject.run}")
    return Inheritance(file, config, _sha256(file))
