"""``aebnas train``: a network found by a search, trained in full, and what goes with it.

selected = select_network(Path("runs/mine"), pick="knee")
trained = train_winner(plan_of(selected, ["training.epochs=30"]), TrainingOptions(static=True))
print(trained.checkpoint.policy)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aebnas.errors import ConfigError, HardwareError
from aebnas.search.workers.resources import usable_gpus
from aebnas.train.full.checkpoint import Trained
from aebnas.train.full.events import FinalListener, ignore
from aebnas.train.full.full_training import train_network
from aebnas.train.full.images import final_images
from aebnas.train.full.inheriting import inheritance_of
from aebnas.train.full.plan import Plan, TrainingJob
from aebnas.train.full.settings import final_settings
from aebnas.train.full.teachers import configured_teacher, given_teacher, trained_teacher
from aebnas.train.select.largest import largest_architecture
from aebnas.train.select.selected_network import SelectedNetwork
from aebnas.train.tune.tuning import tuned_plan
from aebnas.training.losses.teacher import Distillation

STATIC = "static"
"""Folder, inside that of a network, of the same without early exits."""


@dataclass(frozen=True)
class TrainingOptions:
    """What is trained beside the network itself, and how."""

    folder: Path | None = None
    """Default: that of the selected network."""
    distillation: Distillation | None = None
    """Learn from a teacher: by default the largest network of the space, which is trained first."""
    teacher: str | None = None
    """The teacher, as ``given_teacher`` takes it."""
    inherit: bool = False
    """Begin with the weights that the run's supernet holds."""
    tune: int = 0
    """Trials of hyperparameters before; 0: the settings are taken as they are."""
    static: bool = False
    """Train the same network without early exits too, if it has any."""
    again: bool = False
    """Forget what was trained in the folder before."""


def plan_of(
    selected: SelectedNetwork,
    overrides: Sequence[str] = (),
    device: str | None = None,
    progress: bool = False,
) -> Plan:
    """Read the images and settle the settings.

    Args:
        selected: What is to be trained.
        overrides: Settings such as ``training.epochs=60``.
        device: ``cpu`` or ``cuda:N``; default: a GPU where there is one.
        progress: Show the progress of downloads.

    Raises:
        ConfigError: An override is wrong, or does not fit the devices of the run.
        DataError: Something is wrong with the data.
        HardwareError: There is no such device.
        RunError: The data have changed since the search.
    """
    settings = final_settings(
        selected.training, selected.exits, overrides, selected.run, selected.code_folder
    )
    device = _checked_device(device)
    selected.cost_metric(settings.exits)  # an unknown device is told before data are read
    images = final_images(selected.data, selected.data_fingerprint, progress)
    return Plan(selected, settings, images, device)


def _checked_device(name: str | None) -> str:
    if name is None:
        return "cuda:0" if usable_gpus() else "cpu"
    kind, _, index = name.partition(":")
    if kind == "cuda" and int(index or 0) >= usable_gpus():
        raise HardwareError(
            f"--device {name}: torch can use {usable_gpus()} GPUs here. Leave it out, or: cpu"
        )
    return name


def train_winner(
    plan: Plan, options: TrainingOptions = TrainingOptions(), listener: FinalListener = ignore
) -> Trained:
    """Train a network in full; before it tune, train its teacher, behind it the static one, if asked for.

    Whatever is finished already is read, whatever was interrupted goes on.

    Args:
        plan: What, from what, with which settings.
        options: What goes with it.
        listener: Told what happens.

    Raises:
        ConfigError: Settings, network and teacher do not fit together.
        NetworkError, CodeError: A teacher that is named cannot be loaded.
        RunError: A folder holds another training, or it or the run's supernet is damaged or cannot be
            written or read.
        TrainingError: A training diverged.
        WorkerError: Ray does not start, which tunes.
    """
    folder, architecture = options.folder or plan.selected.folder, plan.selected.architecture
    inheritance = inheritance_of(plan) if options.inherit else None
    own = plan.settings.training.teacher
    if options.distillation is not None:  # who is named now teaches in place of whom the search listened to
        plan = _without_teacher(plan)
    if options.tune:
        plain = TrainingJob("network", architecture, folder, inheritance=inheritance)
        plan = tuned_plan(plain, plan, options.tune, listener, options.again)
    teacher = None
    if options.distillation is not None and options.teacher is not None:
        code_folder = plan.settings.code_folder
        teacher = given_teacher(options.teacher, plan.images, options.distillation, code_folder)
    elif options.distillation is not None:
        trained = train_network(teacher_task(plan, folder.parent), plan, listener)
        teacher = trained_teacher(trained, options.distillation)
    elif own is not None:
        teacher = configured_teacher(own, plan.images, plan.settings.code_folder)
    job = TrainingJob("network", architecture, folder, teacher, inheritance)
    network = train_network(job, plan, listener, options.again)
    if options.static and architecture.exit_names:  # without exits it is its own twin
        static = TrainingJob("static", architecture.without_exits(), folder / STATIC, teacher, inheritance)
        train_network(static, plan, listener, options.again)
    return network


def _without_teacher(plan: Plan) -> Plan:
    training = plan.settings.training.model_copy(update={"teacher": None})
    return replace(plan, settings=plan.settings.model_copy(update={"training": training}))


def teacher_task(plan: Plan, parent: Path) -> TrainingJob:
    """Return the training of the largest network of the space, filed by its settings for reuse.

    It has no early exits: its last answer alone teaches, and exits trained beside it cost accuracy.

    Args:
        plan: Of the student.
        parent: Folder in which its folder lies.

    Raises:
        ConfigError: The space is not known.
    """
    origin = plan.selected.origin
    if origin is None:
        raise ConfigError(
            "--distill: the largest network of the space teaches, but this winner file does not lie in its "
            "run, which knows the space. Name the run itself: aebnas train RUN --pick KEY --distill"
        )
    images = plan.images
    largest = largest_architecture(origin.space(images.task), images.task)
    draft = TrainingJob("teacher", largest, parent)
    text = json.dumps(draft.identity(plan), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return replace(draft, folder=parent / f"teacher-{largest.key()[:8]}-{digest}")
