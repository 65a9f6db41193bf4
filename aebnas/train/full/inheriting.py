"""``aebnas train --inherit``: a training that begins with the weights that the run's supernet holds.

The supernet has learned from the run's train split alone; a full training adds those of select, and
calibrate and test stay apart from both.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import ConfigError, RunError
from aebnas.supernet.identity import supernet_metadata
from aebnas.supernet.storage import check_metadata, stored_metadata, supernet_file
from aebnas.train.full.inheritance import Inheritance, _sha256
from aebnas.train.full.plan import Plan


def inheritance_of(plan: Plan) -> Inheritance:
    """Return the supernet with whose weights a plan's networks can begin.

    Raises:
        ConfigError: The run is not known or has none, or the settings build other networks.
        RunError: The supernet is unfinished, damaged or of something else.
    """
    selected, origin, images = plan.selected, plan.selected.origin, plan.images
    if origin is None:
        raise ConfigError(
            "--inherit: the run's supernet holds the weights, but this winner file does not lie in its run. "
            "Name the run itself: aebnas train RUN --pick KEY --inherit"
        )
    file = supernet_file(Path(selected.run))
    if not file.is_file():
        raise ConfigError(
            f"--inherit: {selected.run} has no supernet to inherit from ({file} is missing); "
            "searches with evaluation.fidelities: [inherited] leave one"
        )
    settings = origin.supernet
    if plan.settings.training.boosting_coefficient != settings.training.boosting_coefficient:
        raise ConfigError(
            f"training.loss: {plan.settings.training.loss.name} builds other networks than the supernet "
            f"holds, which was trained with {settings.training.loss.name}; leave it, or --inherit, out"
        )
    stored, is_finished = stored_metadata(file)
    check_metadata(file, stored, supernet_metadata(settings, images.fingerprint, images.task))
    if not is_finished:
        raise RunError(f"{file} is half trained. Finish it: aebnas resume {selected.run}")
    return Inheritance(file, settings, _sha256(file))
