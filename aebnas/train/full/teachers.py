"""Networks that teach: trained in full by AEBNAS, or a user's own.

What a teacher saw before is its own affair, but for this: one that was trained on calibrate or test images
passes on what nobody may know of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor, nn

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ConfigError
from aebnas.extensions.consent import code_digest, look_in
from aebnas.extensions.names import is_outside
from aebnas.pretrained.checking import answers_of
from aebnas.pretrained.graphs.answers import Answering, are_probabilities
from aebnas.pretrained.loading import load_network
from aebnas.pretrained.named.table import NAMED
from aebnas.task.input_spec import InputSpec
from aebnas.train.full.checkpoint import Trained, load_trained
from aebnas.train.full.images import FinalImages
from aebnas.train.full.plan import Teacher
from aebnas.training.losses.teacher import Distillation

KEY_DIGITS = 16


class OneExit(nn.Module):
    """A network that answers as one of early exits does, with a list of one."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap what answers with logits ``(batch, classes)``."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the logits as those of the only exit."""
        return [self.network(images)]


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
    return _of_module(named, images, distillation)


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


def _of_module(named: str, images: FinalImages, distillation: Distillation) -> Teacher:
    network = load_network(named)
    answering = Answering(network.module).eval()
    height, width, channels = images.train.shape
    logits = answers_of(answering, (channels, height, width), named)[1]
    if logits.shape[1] != len(images.classes):
        raise ConfigError(
            f"--teacher {named} answers with {logits.shape[1]} classes, but the data have "
            f"{len(images.classes)}: train it on these images first, and name what was trained"
        )
    if are_probabilities(logits):
        raise ConfigError(
            f"--teacher {named} answers with probabilities; let its forward return the logits before them"
        )
    brought = NAMED.get(named)
    spec = InputSpec(
        TensorSpec(channels, (height, width)),
        images.normalisation if brought is None else brought.normalisation,
        colours="rgb" if brought is None else brought.colours,
    )
    return Teacher(OneExit(answering), spec, _digest(named, network.module), distillation, named)


def _digest(named: str, network: nn.Module) -> str:
    """Return the identity of a network: its code, where it is a user's, and its weights."""
    digest = hashlib.sha256((code_digest(named) if is_outside(named) else named).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:KEY_DIGITS]


def _listed(classes: tuple[str, ...]) -> str:
    shown = ", ".join(classes[:4])
    return f"{shown}, ... ({len(classes)})" if len(classes) > 4 else shown
