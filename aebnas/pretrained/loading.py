"""From what a user names to a network: a name of ours, ``package.module:function``, a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from aebnas.errors import AebnasError, NetworkError
from aebnas.extensions.consent import made_once, require_consent
from aebnas.extensions.kinds import Kind
from aebnas.extensions.loading import loaded, users_error
from aebnas.pretrained.cut_network import CutNetwork
from aebnas.pretrained.named.table import NAMED
from aebnas.pretrained.network import PretrainedNetwork, SavedProgram
from aebnas.pretrained.network_names import is_program, is_saved, wrong_network
from aebnas.pretrained.saved.file import read_network
from aebnas.pretrained.weights import load_weights

NETWORK = Kind(
    "network",
    "a function without arguments that returns a torch.nn.Module, or the class of one",
    "NetworkContract",
    callable,
)
"""What ``package.module:Name`` must be where a network is asked for."""


@dataclass(frozen=True)
class NamedOrigin:
    """Where a network that a file names comes from, in any process."""

    network: str
    weights: str = ""
    """A file that is read into it; empty: it has its own."""
    answer: str = ""
    """Which part of its answer the logits are, by name or index; empty: the only candidate."""

    def __call__(self, shape: Sequence[int]) -> CutNetwork:
        """Return it for images of a shape ``(channels, height, width)``.

        Raises:
            NetworkError, CodeError: As for ``load_network``.
        """
        return self.loaded().at(shape)

    def loaded(self) -> PretrainedNetwork:
        """Return it, loaded once per process.

        Raises:
            NetworkError, CodeError: As for ``load_network``.
        """
        return made_once(self.network, f"network with {self.weights} {self.answer}", self._load)

    def _load(self) -> PretrainedNetwork:
        network = load_network(self.network, self.weights or None, self.answer or None)
        network.origin = self
        return network


def load_network(
    network: str | Path | nn.Module | Callable[[], nn.Module],
    weights: str | Path | None = None,
    answer: str | int | None = None,
    name: str | None = None,
) -> PretrainedNetwork:
    """Return a network, ready to be cut.

    Args:
        network: A module, a function that makes one, or what files name: ``package.module:function``, a
            ``.pt2`` or ``.aebnas`` file, or a name of ``NAMED``.
        weights: A file of weights that are read into it; None: those that it has.
        answer: Which part of its answer the logits are, by index or name, where there are several.
        name: What signatures and messages call it; None: after what it is.

    Raises:
        NetworkError: There is no such network, or it cannot be used; the message says the cure.
        CodeError: Code from outside is missing, not allowed, or raised an error.
    """
    if isinstance(network, str | Path) and is_program(str(network)):
        return _program(Path(network), weights, answer, name)
    if isinstance(network, str | Path) and is_saved(str(network)):
        if weights is not None or answer is not None:
            raise NetworkError(f"{network} has its weights and logits inside: leave out weights and answer")
        return read_network(Path(network))
    module, usual_name = _module(network)
    notes = () if weights is None else load_weights(module, weights)
    loaded_network = PretrainedNetwork(module, name or usual_name, answer)
    loaded_network.notes = (*notes, *loaded_network.notes)
    return loaded_network


def _module(network: str | Path | nn.Module | Callable[[], nn.Module]) -> tuple[nn.Module, str]:
    """Return a module and what it is called."""
    if isinstance(network, nn.Module):
        return network, type(network).__name__
    if not isinstance(network, str | Path):
        return _made(network, getattr(network, "__name__", "network"))
    text = str(network)
    if text in NAMED:
        return NAMED[text].make(), text
    message = wrong_network(text)
    if message is not None:
        raise NetworkError(message)
    module, _ = _made(loaded(text, NETWORK), text)
    return module, text.partition(":")[2]


def _made(make: Any, name: str) -> tuple[nn.Module, str]:
    """Return what a function or class of the user's makes.

    Raises:
        CodeError: It raises an error.
        NetworkError: It makes no module.
    """
    try:
        module = make()
    except AebnasError:
        raise
    except Exception as error:  # whatever the user's code raises
        of_users = users_error(error)
        text = f"{name} could not make its network: {type(error).__name__}: {error}"
        raise of_users or NetworkError(text) from error
    if not isinstance(module, nn.Module):
        raise NetworkError(f"{name} returned a {type(module).__name__}, but has to return a torch.nn.Module")
    return module, name


def _program(
    path: Path, weights: str | Path | None, answer: str | int | None, name: str | None
) -> SavedProgram:
    """Return a saved program; reading one counts as running code.

    Raises:
        CodeRefusedError: Code is not allowed in this process.
        NetworkError: It cannot be read, or other weights are asked for.
    """
    if not path.is_file():
        raise NetworkError(f"{path}: there is no such file")
    if weights is not None:
        raise NetworkError(f"{path} has its weights inside: leave out {weights}, or name code")
    require_consent(str(path))
    try:
        program = torch.export.load(path)
    except Exception as error:  # zip, json, pickle and torch's own: a file of any content
        raise NetworkError(f"{path} is no program of torch.export.save, or a damaged one: {error}") from error
    return SavedProgram(program, name or path.stem, answer)
