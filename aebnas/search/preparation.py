"""All that can be wrong with a file before its first training: one path for ``check`` and ``search``.

What belongs to the machine and not to the file is no part of it: whether the run's
directory is free and can be written, whether a download succeeds, whether Ray and a
GPU answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aebnas.config.schema import SearchFile
from aebnas.config.sections.losses import wrong_exit_weights
from aebnas.config.sections.training import TrainingConfig
from aebnas.config.text_paths import expanded, refuse_unwritable
from aebnas.data.checks.metadata import DataMetadata, data_metadata
from aebnas.data.splits import Splits
from aebnas.errors import ConfigError, DataError
from aebnas.evaluation.identity import teacher_files
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.settings import supernet_settings
from aebnas.extensions.consent import is_allowed
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.pretrained.network_names import is_code
from aebnas.search.problem import SearchProblem, problem_of
from aebnas.search.proposers.api import Proposer
from aebnas.search.start import has_first_limits, make_proposer
from aebnas.search.unread_code import has_unread_space
from aebnas.search.workers.memory import check_workers_fit
from aebnas.space.api import SearchSpace
from aebnas.task.task import Task


@dataclass(frozen=True, eq=False)
class Prepared:
    """A file that a search can begin with."""

    config: SearchFile
    data: DataMetadata
    problem: SearchProblem
    drawn: Proposer | None = None
    """As new, its first generation drawn; None where nothing can be wrong about it."""
    notes: tuple[str, ...] = ()
    """What a person should know of the weights that trainings begin with."""

    @property
    def splits(self) -> Splits:
        """Return the images.

        Raises:
            DataError: They were not read.
        """
        if self.data.splits is None:
            raise DataError(f"the images of {self.config.data.name} were not read")
        return self.data.splits

    def proposer(self) -> Proposer:
        """Return the search's proposer, its first generation drawn; to be asked for once."""
        return self.drawn or make_proposer(self.problem)


def prepare(config: SearchFile, progress: bool = False, must_read: bool = True) -> Prepared:
    """Read and check all that a search needs.

    Args:
        config: The whole search-space file.
        progress: Show the progress of downloads.
        must_read: Read known datasets too, of which published numbers tell all but whether a given supernet
            was trained on them.

    Raises:
        DataError: Something is wrong with the data, or they do not fit in memory.
        ConfigError: The training does not fit the images, its first weights are not installed or not for this
            space, a hardware profile is wrong, the limits on the first generation admit nothing, or a path is
            not UTF-8 text.
        HardwareError: A profile lacks a layer of the space, or energies.
        RunError: ``supernet.file`` is of something else or cannot be read.
    """
    _check_paths(config)
    inherits_from = config.supernet.file if plan_of(config).shares_weights else None
    data = data_metadata(config.data, progress, must_read or inherits_from is not None)
    _check_cutout(config, data)
    check_workers_fit(config.workers, config.training.augment, data, config.data.folder is not None)
    _check_supernet(config, data)
    problem = problem_of(config, data.task)
    metrics = (*problem.goals.names, config.cost_metric)
    _check_space(config, problem)
    devices = DeviceCosts.for_space(config.hardware, metrics, problem.space, data.task)
    problem = replace(problem, devices=devices)
    _check_teacher(config.training, data.task)
    notes = weight_notes(config.training, problem.space, data.task)
    drawn = make_proposer(problem) if has_first_limits(config.search) else None
    return Prepared(config, data, problem, drawn, notes)


def weight_notes(training: TrainingConfig, space: SearchSpace, task: Task) -> tuple[str, ...]:
    """Return what a person should know of the weights that trainings begin with.

    Raises:
        ConfigError: They are not installed, or not for networks of this space.
    """
    name = training.initial_weights
    if name == "random":
        return ()
    from aebnas.nets.weight_sources import weight_source  # imports torch

    drawn = weight_source(name).check(space, task)
    return (f"training.initial_weights: {name}, but drawn at random where it has none: {', '.join(drawn)}.",)


def _check_teacher(training: TrainingConfig, task: Task) -> None:
    """Refuse here a network that cannot teach; code that may not run is not looked at.

    Raises:
        ConfigError, NetworkError, CodeError: As of ``loaded_teacher``.
    """
    if training.teacher is None or (is_code(training.teacher.network) and not is_allowed()):
        return
    from aebnas.training.given_teacher import SETTING, loaded_teacher, options_of  # imports torch

    teacher_files(training)
    loaded_teacher(options_of(training.teacher), task, SETTING)


def _check_paths(config: SearchFile) -> None:
    """Refuse here paths that the run could not keep: it keeps them from the root on."""
    paths = [(f"data.{name}", getattr(config.data, name)) for name in ("folder", "npz", "root")]
    paths += [("supernet.file", config.supernet.file), *(("hardware", path) for path in config.hardware)]
    paths += [(f"space.{name}", path) for name, path in config.space.files.items()]
    if config.training.teacher is not None:
        paths += [(f"training.teacher.{name}", path) for name, path in config.training.teacher.files.items()]
    for name, path in paths:
        if path is not None:
            refuse_unwritable(name, expanded(name, path).absolute())


def _check_space(config: SearchFile, problem: SearchProblem) -> None:
    """Refuse here what only space and data know to be wrong.

    Raises:
        ConfigError: The loss has another number of weights than there are exits, candidates are to inherit
            and the space has no slots, the normalisation is one of other channels than the images have, or
            a network's own head has other classes.
    """
    weights, space = config.training.exit_weights, problem.space
    wrong = config.space.problem(problem.task.samples.channels)
    if wrong is not None:
        raise ConfigError(wrong)
    message = None if weights is None else wrong_exit_weights(weights, len(space.exit_positions) + 1)
    if message:
        raise ConfigError(f"training.loss.exit_weights: {message}")
    if config.space.brings_weights and not has_unread_space(config):
        space.layers(problem.task)  # raises where a head does not fit
    if problem.plan.shares_weights and not space.slots(problem.task):
        raise ConfigError(
            f"evaluation.fidelities: networks of kind {config.space.kind} cannot share weights, so "
            "that none can inherit. Use trained"
        )
    is_read = not has_unread_space(config)
    if problem.plan.is_frozen and is_read and not space.given_networks(problem.task):
        raise ConfigError(
            f"evaluation.fidelities: heads need a network that somebody trained, but networks of kind "
            f"{config.space.kind} are made of blocks. Use trained, or space.kind=pretrained"
        )


def _check_supernet(config: SearchFile, data: DataMetadata) -> None:
    """Refuse here a given supernet that no candidate could inherit from.

    Raises:
        RunError: It is of something else, unfinished, or cannot be read.
    """
    if plan_of(config).shares_weights and config.supernet.file is not None and data.splits is not None:
        from aebnas.supernet.preparation import check_given  # imports torch

        check_given(supernet_settings(config), data.splits)


def _check_cutout(config: SearchFile, data: DataMetadata) -> None:
    """Refuse here what would make every candidate fail: a cutout square larger than the images."""
    side, smaller = config.training.augment.cutout, min(data.shape[:2])
    if side > smaller:
        raise ConfigError(
            f"training.augment.cutout {side} is larger than the images; the largest valid value is {smaller}"
        )
