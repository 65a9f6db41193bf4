"""What is to be trained in full: one architecture, found by a run or read from a winner file.

Must not import torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from aebnas.config.schema import DataConfig, SearchFile
from aebnas.config.sections.exits import ExitsConfig, traded_cost
from aebnas.config.sections.training import TrainingConfig
from aebnas.config.text_paths import refuse_unwritable
from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.plan import longest_training
from aebnas.evaluation.settings import supernet_settings
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.report.files.winners import Winner, load_winner
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, metric_value, percent
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.kept_profiles import kept_devices
from aebnas.runs.reading import read_run
from aebnas.runs.store.location import has_database
from aebnas.runs.store.store import RunStore
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.spaces import make_space
from aebnas.supernet.settings import SupernetSettings
from aebnas.task.task import Task
from aebnas.train.select.selection import full_key, points_of, selected

TRAINED = "trained"
"""Folder beside ``winners/`` in which trained networks lie."""
DEFAULT_PICK = "knee"


@dataclass(frozen=True)
class Origin:
    """What a full training asks of the run that found its network."""

    supernet: SupernetSettings
    """The space, and how the networks of a supernet are trained, if it has one."""
    objectives: tuple[str, ...]
    """Of the search; the first cost among them is what exits trade."""
    profiles: tuple[str, ...]
    """Names of its hardware profiles."""

    def space(self, task: Task) -> SearchSpace:
        """Return the space that was searched."""
        return make_space(self.supernet.space, task.samples)


def origin_of(config: SearchFile) -> Origin:
    """Return what a full training asks of a run with these settings."""
    return Origin(supernet_settings(config), tuple(config.objectives), config.profiles)


@dataclass(frozen=True)
class SelectedNetwork:
    """A network that a search found, with everything that its training needs from the run."""

    architecture: Architecture
    run: str
    """Path of the run, or the name that a winner file gives."""
    run_seed: int
    data: DataConfig
    data_fingerprint: str | None
    training: TrainingConfig
    """Of the search."""
    exits: ExitsConfig
    """Of the search; where its exit policy was a gene, the choice of the operating point."""
    budget_fraction: float | None
    """Of the operating point; None where ``exits`` has a target."""
    folder: Path
    """Where it goes unless somebody says otherwise."""
    text: str
    """What it is, for people."""
    code_folder: str | None = None
    """Where code from outside lies that it names."""
    origin: Origin | None = None
    """The run; None for a winner file whose run is not there."""
    devices: DeviceCosts = field(default_factory=DeviceCosts)

    @property
    def key(self) -> str:
        """Return the architecture's identity."""
        return self.architecture.key()

    def cost_metric(self, exits: ExitsConfig) -> str:
        """Return what exits trade for accuracy.

        Raises:
            ConfigError: A device's cost is asked for, and the device is not known.
        """
        if self.origin is not None:
            objectives, profiles = self.origin.objectives, self.origin.profiles
            wrong = exits.wrong_budget(profiles, objectives)
            if wrong:
                problems = "; ".join(f"{'.'.join(map(str, path))}: {message}" for path, message in wrong)
                raise ConfigError(f"the exits do not fit the run {self.run}: {problems}")
            return traded_cost(exits, objectives, profiles)
        metric = exits.budget_metric or "macs"
        if metric != "macs":
            raise ConfigError(
                f"exits.{metric} needs the hardware profile of the run {self.run!r}, which does not lie "
                "around this winner file; name the run itself: aebnas train RUN --pick KEY"
            )
        return metric


def select_network(
    source: Path, pick: str | None = None, budget_fraction: float | None = None, point: int | None = None
) -> SelectedNetwork:
    """Return what a user means.

    Args:
        source: A run's directory, or a winner file.
        pick: Which network of a run; see ``selection.selected``. Default: the knee.
        budget_fraction: Share of its full cost that its policy may spend; default: the picked point's.
        point: Which of the network's points, from 1 by rising cost; default: the picked one, for
            a network named by key the most accurate.

    Raises:
        ConfigError: The pick, the file or an option is wrong.
        RunError: There is no such run, network or point.
    """
    if budget_fraction is not None and point is not None:
        raise ConfigError("--budget-fraction and --point both choose the operating point: give one of them")
    if source.suffix in (".yaml", ".yml") and not os.path.isdir(source):  # a run may have such a name
        if pick is not None:
            raise ConfigError(f"--pick chooses a network of a run, but {source} is one network; leave it out")
        network = _of_winner(source, point)
    else:
        network = _of_run(source, pick or DEFAULT_PICK, point)
    refuse_unwritable("the run", network.run)
    if budget_fraction is None:
        return network
    if network.budget_fraction is None:
        raise ConfigError(
            f"--budget-fraction: exits has a target ({network.exits.target}), which chooses instead"
        )
    if not 0 < budget_fraction <= 1:
        raise ConfigError(f"--budget-fraction must be > 0 and <= 1, but got {budget_fraction:g}")
    return replace(network, budget_fraction=budget_fraction)


def _of_run(path: Path, pick: str, point: int | None) -> SelectedNetwork:
    store = RunStore(path)
    try:
        run = read_run(store)
        if not run.done:
            raise RunError(f"{path} has no finished network yet. Continue it: aebnas resume {path}")
        chosen = selected(run, pick)
        if point is not None:
            chosen = _nth(points_of(run, full_key(run, chosen.key)), point)
        return _selected(run, chosen, pick, kept_devices(store, run.config.profiles))
    finally:
        store.close()


def _selected(run: RunContents, point: OperatingPoint, pick: str, devices: DeviceCosts) -> SelectedNetwork:
    config, metric = run.config, run.config.cost_metric
    text = (
        f"{point.key} ({pick} of {run.label}): {percent(point.accuracy, 2)} on select at "
        f"{metric_value(metric, point.metrics[metric])} {metric} in the search{_by(point.setting)}"
    )
    return SelectedNetwork(
        architecture=point.evaluation.architecture,
        run=str(run.path),
        run_seed=config.search.seed,
        data=config.data,
        data_fingerprint=run.metadata["data"],
        training=longest_training(run.plan, config.training),
        exits=config.exits.settings[point.setting],
        budget_fraction=None if config.exits.target else point.budget_fraction,
        folder=run.path / TRAINED / point.key,
        text=text,
        code_folder=config.code_folder,
        origin=origin_of(config),
        devices=devices,
    )


def _of_winner(path: Path, point: int | None) -> SelectedNetwork:
    winner = load_winner(path)
    path = path if path.parent.name else path.absolute()  # named from inside winners/
    store = _run_around(path)
    if store is not None:
        try:
            config, devices = store.config, kept_devices(store, store.config.profiles)
        finally:
            store.close()
        return _selected_winner(winner, path, point, store.path, config, devices)
    return _selected_winner(winner, path, point, None, None, DeviceCosts())


def _selected_winner(
    winner: Winner,
    path: Path,
    point: int | None,
    run: Path | None,
    config: SearchFile | None,
    devices: DeviceCosts,
) -> SelectedNetwork:
    number = len(winner.points) if point is None else point
    if not 1 <= number <= len(winner.points):
        raise ConfigError(_no_point(winner.key, len(winner.points), number))
    chosen = winner.points[number - 1]
    folder = (path.parent.parent if path.parent.name == "winners" else path.parent) / TRAINED / winner.key
    return SelectedNetwork(
        architecture=winner.architecture,
        run=winner.run if run is None else str(run),
        run_seed=winner.seed,
        data=winner.data,
        data_fingerprint=winner.data_fingerprint,
        training=winner.training,
        exits=winner.exits.settings[chosen.setting],
        budget_fraction=None if winner.exits.target else chosen.budget_fraction,
        folder=folder,
        text=(
            f"{winner.key} ({path}): {percent(chosen.accuracy, 2)} on select in the search"
            f"{_by(chosen.setting)}"
        ),
        code_folder=winner.code_folder,
        origin=None if config is None else origin_of(config),
        devices=devices,
    )


def _by(setting: str) -> str:
    return f", exit policy {setting}" if setting else ""


def _run_around(path: Path) -> RunStore | None:
    """Return the run in whose folder ``winners/`` a file lies; None where there is none."""
    run = path.parent.parent
    return RunStore(run) if path.parent.name == "winners" and has_database(run) else None


def _nth(points: list[OperatingPoint], number: int) -> OperatingPoint:
    if not 1 <= number <= len(points):
        raise ConfigError(_no_point(points[0].key, len(points), number))
    return points[number - 1]


def _no_point(key: str, points: int, number: int) -> str:
    return f"--point {number}: network {key} has {count(points, 'point')}, counted from 1 by rising cost"
