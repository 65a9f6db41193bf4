"""What a user says of one network that somebody trained.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aebnas.config.sections.pretrained import GivenNetworkConfig
from aebnas.errors import ConfigError
from aebnas.pretrained.layer import plain_name
from aebnas.pretrained.network_names import is_file
from aebnas.space.pretrained.source import NetworkSource
from aebnas.task.input_size import Size
from aebnas.task.input_spec import Colours, Normalisation


@dataclass(frozen=True)
class NetworkOptions:
    """A network of a space, and what holds for it alone."""

    network: str
    """A name of ours, ``package.module:function``, or a ``.pt2`` file."""
    weights: str = ""
    """A file that is read into it; empty: it has its own."""
    answer: str = ""
    """Which part of its answer the logits are, by name or index; empty: the only candidate."""
    normalisation: Normalisation | None = None
    """Of inputs; None: a named network's own, else that of the data."""
    colours: Colours | None = None
    """Order of colours; None: a named network's own, else red, green, blue."""
    classes: tuple[str, ...] = ()
    """Names of its classes in the order of its answers; none: they are those of the data, in their order."""
    resolution: tuple[Size, ...] = ()
    """Pixels of its input; none: those of the space."""
    after: tuple[str, ...] | None = None
    """Places of exits; None: those that are worth it by what they cost."""
    last: tuple[str, ...] | None = ()
    """Places where it may end, ``output`` for its own end; none: there alone; None: where it is worth it."""

    @property
    def source(self) -> NetworkSource:
        """Return where the network comes from."""
        return NetworkSource(self.network, self.weights, self.answer)


def network_options(given: GivenNetworkConfig) -> NetworkOptions:
    """Return what a file says of a network; ``auto`` becomes None, paths hold from any folder."""
    own, after, last = given.normalisation, given.after, given.last
    return NetworkOptions(
        _absolute(given.network) if is_file(given.network) else given.network,
        _absolute(given.weights) if given.weights else "",
        given.answer or "",
        None if own is None else Normalisation(own.mean, own.std),
        given.colours,
        given.classes or (),
        given.resolution or (),
        None if isinstance(after, str) else after,
        None if isinstance(last, str) else last or (),
    )


def labels_of(networks: Sequence[NetworkOptions]) -> tuple[str, ...]:
    """Return what each of several networks is called, in letters, digits, ``_``, ``.`` and ``#``.

    The function or file that it comes from, numbered where two have one name; one alone has the name ``""``.

    Raises:
        ConfigError: There is none, or two are the same.
    """
    if len(networks) == 1:
        return ("",)
    if not networks:
        raise ConfigError("space.network: an empty list names no network")
    if len(set(networks)) < len(networks):
        twice = next(own.network for i, own in enumerate(networks) if own in networks[:i])
        raise ConfigError(f"space.network: {twice!r} stands twice; name each network once")
    names = [plain_name(Path(own.network.rpartition(":")[2]).stem) for own in networks]
    return tuple(
        name if names.count(name) == 1 else f"{name}#{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
