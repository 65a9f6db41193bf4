"""A network that a user names as teacher: loaded, held against the task, identified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from torch import Tensor, nn

from aebnas.config.sections.teacher import TeacherConfig
from aebnas.errors import ConfigError
from aebnas.extensions.consent import code_digest
from aebnas.extensions.names import is_outside
from aebnas.pretrained.checking import answers_of
from aebnas.pretrained.graphs.answers import Answering, are_probabilities
from aebnas.pretrained.loading import load_network
from aebnas.pretrained.named.table import NAMED
from aebnas.task.input_size import Size, size_of
from aebnas.task.input_spec import Colours, InputSpec, Normalisation
from aebnas.task.task import Task

KEY_DIGITS = 16
SETTING = "training.teacher:"
"""How messages call the field of a file that names a teacher."""


class OneExit(nn.Module):
    """A network that answers as one of early exits does, with a list of one."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap what answers with logits ``(batch, classes)``."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the logits as those of the only exit."""
        return [self.network(images)]


@dataclass(frozen=True)
class TeacherOptions:
    """Which network, and how it sees images."""

    network: str
    """``package.module:Name``, a ``.pt2`` or ``.aebnas`` file, or a name of ours."""
    weights: str | None = None
    """A file that is read into it; None: it has its own."""
    answer: str | None = None
    """Which part of its answer the logits are; None: the only candidate."""
    resolution: Size | None = None
    """Pixels of its input; None: those of the data."""
    normalisation: Normalisation | None = None
    """None: a named network's own, else that of the data."""
    colours: Colours | None = None
    """None: a named network's own, else red, green, blue."""


@dataclass(frozen=True, eq=False)
class GivenTeacher:
    """A network that can teach a task."""

    network: nn.Module
    """Answers with a list of one tensor of logits ``(batch, classes)``; on the CPU."""
    input: InputSpec
    """What it takes in."""
    key: str
    """16 hexadecimal digits of its code and weights."""


def options_of(config: TeacherConfig) -> TeacherOptions:
    """Return what a file says of a teacher, but for how much its students listen."""
    own = config.normalisation
    return TeacherOptions(
        config.network,
        config.weights,
        config.answer,
        config.resolution,
        None if own is None else Normalisation(own.mean, own.std),
        config.colours,
    )


def loaded_teacher(options: TeacherOptions, task: Task, where: str) -> GivenTeacher:
    """Return a network as a teacher.

    Args:
        options: Which it is.
        task: What its students learn.
        where: The option that names it, for messages.

    Raises:
        ConfigError: It has other classes, or answers with probabilities.
        NetworkError, CodeError: It cannot be loaded, or does not take such images.
    """
    named = options.network
    network = load_network(named, options.weights, options.answer)
    answering = Answering(network.module, options.answer).eval()
    spec = _input(options, task)
    logits = answers_of(answering, spec.tensor.shape, named)[1]
    if logits.shape[1] != task.classes:
        raise ConfigError(
            f"{where} {named} answers with {logits.shape[1]} classes, but the data have "
            f"{task.classes}: train it on these images first, and name what was trained"
        )
    if are_probabilities(logits):
        raise ConfigError(
            f"{where} {named} answers with probabilities; let its forward return the logits before them"
        )
    return GivenTeacher(OneExit(answering), spec, _digest(named, network.module))


def _input(options: TeacherOptions, task: Task) -> InputSpec:
    named = NAMED.get(options.network)
    size = task.samples.size if options.resolution is None else size_of(options.resolution)
    normalisation = options.normalisation or (named.normalisation if named else None)
    usual = replace(task.input(size), colours=options.colours or (named.colours if named else "rgb"))
    if normalisation is None:
        return usual
    return replace(usual, normalisation=normalisation.of_channels(task.samples.channels))


def _digest(named: str, network: nn.Module) -> str:
    """Return the identity of a network: its code, where it is a user's, and its weights."""
    digest = hashlib.sha256((code_digest(named) if is_outside(named) else named).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:KEY_DIGITS]
