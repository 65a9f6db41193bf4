"""Networks that teach: trained in full by AEBNAS, or a user's own.

What a teacher saw before is its own affair, but for this: one that was trained on calibrate or test images
passes on what nobody may know of them.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.config.sections.teacher import TeacherConfig
from aebnas.errors import ConfigError
from aebnas.extensions.consent import look_in
from aebnas.extensions.names import is_outside
from aebnas.train.full.checkpoint import Trained, load_trained
from aebnas.train.full.images import FinalImages
from aebnas.train.full.plan import Teacher
from aebnas.training.given_teacher import (
    KEY_DIGITS,
    SETTING,
    GivenTeacher,
    TeacherOptions,
    loaded_teacher,
    options_of,
)
from aebnas.training.losses.teacher import Distillation

OPTION = "--teacher"
"""How messages call the option that names a teacher."""


def trained_teacher(trained: Trained, distillation: Distillation) -> Teacher:
    """Return the largest network of a space, once it is trained, as a teacher: its key says what it is."""
    return Teacher(trained.network, trained.network.input, trained.checkpoint.key, distillation)


def given_teacher(
    named: str, images: FinalImages, distillation: Distillation, code_folder: str | None = None
) -> Teacher:
    """Return the teacher that a user names.

    Args:
        named: The folder of a network that ``aebnas train`` wrote; or ``package.module:Name``, a ``.pt2``
            file or a name of ours, which sees images at the size that they have, normalised as the data are
            unless it brings its own.
        images: Of the student.
        distillation: How much the student listens.
        code_folder: Where code from outside is looked for first; None: in the current folder.

    Raises:
        ConfigError: It has other classes, or answers with probabilities.
        RunError: The folder is damaged.
        NetworkError, CodeError: The network cannot be loaded, or does not take such images.
    """
    if Path(named).is_dir():
        return _of_folder(Path(named), images, distillation)
    if is_outside(named):
        look_in(code_folder or ".")
    return _teacher(loaded_teacher(TeacherOptions(named), images.task, OPTION), distillation, named)


def configured_teacher(config: TeacherConfig, images: FinalImages, code_folder: str | None = None) -> Teacher:
    """Return the teacher that settings name in ``training.teacher``; as ``given_teacher``.

    Args:
        config: Which it is, and how much the student listens.
        images: Of the student.
        code_folder: As for ``given_teacher``.

    Raises:
        ConfigError, NetworkError, CodeError: As of ``given_teacher``.
    """
    if is_outside(config.network):
        look_in(code_folder or ".")
    distillation = Distillation(config.share, config.temperature)
    return _teacher(loaded_teacher(options_of(config), images.task, SETTING), distillation, config.network)


def _teacher(given: GivenTeacher, distillation: Distillation, named: str) -> Teacher:
    return Teacher(given.network, given.input, given.key, distillation, named)


def _of_folder(folder: Path, images: FinalImages, distillation: Distillation) -> Teacher:
    trained = load_trained(folder)
    checkpoint = trained.checkpoint
    if tuple(checkpoint.classes) != tuple(images.classes):
        raise ConfigError(
            f"--teacher {folder} answers with the classes {_listed(checkpoint.classes)}, but the data have "
            f"{_listed(images.classes)}: name a network that was trained on these classes"
        )
    if checkpoint.image_shape[2] != images.train.shape[2]:
        raise ConfigError(
            f"--teacher {folder} takes images of {checkpoint.image_shape[2]} channels, but the data have "
            f"{images.train.shape[2]}"
        )
    key = checkpoint.sha256["weights.pt"][:KEY_DIGITS]
    return Teacher(trained.network, trained.network.input, key, distillation, str(folder))


def _listed(classes: tuple[str, ...]) -> str:
    shown = ", ".join(classes[:4])
    return f"{shown}, ... ({len(classes)})" if len(classes) > 4 else shown
