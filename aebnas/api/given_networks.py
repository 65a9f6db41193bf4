"""Networks that a program holds: kept in a file, and searched for exits.  Must not import torch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aebnas.api.given_data import Size, data_section, normalisation_section, plain, sizes_of, write_arrays
from aebnas.api.searching import RUNS, ignore, run_search
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import nn

    from aebnas.config import SearchFile
    from aebnas.runs.frame import LoadedRun
    from aebnas.search.events import Listener

GIVEN = "given"
"""Folder of a run with what was handed over: the network, and images where they were arrays."""
NETWORK, IMAGES = "network.aebnas", "images.npz"
DEFAULTS: dict[str, Any] = {
    "training": {
        "epochs": 8,
        "batch_size": 32,
        "learning_rate": 0.05,
        "backbone_rate_multiplier": 0.2,
        "weight_decay": 1e-4,
    },
    "search": {"population": 8, "generations": 3},
}
"""Settings of a search for exits where they are not those of files."""


def save_network(
    network: nn.Module,
    path: str | Path,
    resolution: Size | Sequence[Size],
    *,
    channels: int = 3,
    answer: str | int | None = None,
) -> Path:
    """Keep a network in a file that search-space files can name: its weights and graphs, without its code.

    Whoever reads the file needs neither the code nor the libraries that the network was made with.

    Args:
        network: A module on any device and in either mode, called with images ``(n, channels, height,
            width)``; it is not changed.
        path: The file, which ends in ``.aebnas``.
        resolution: Pixels, or a list of them: the file serves these alone.
        channels: 3 for colour, 1 for grey.
        answer: Which part of its answer the logits are, by index or name; needed where several could be.

    Returns:
        The path of the file.  Another process reads it with the consent that code needs
        (``--allow-code``, ``allow_code``).

    Raises:
        NetworkError: It does not take such images, or has no place where it can be cut; it needs several
            inputs, decides by the values of a tensor, or holds operations that torch cannot save.
        ConfigError: The path or a resolution is wrong, or the file cannot be written.

    Example:
        >>> aebnas.save_network(network, "mine.aebnas", [96, 128])
        PosixPath('mine.aebnas')
    """
    path = Path(path)
    if path.suffix != ".aebnas":
        raise ConfigError(f"path must end in .aebnas, but got {str(path)!r}")
    shapes = [
        (channels, size, size) if isinstance(size, int) else (channels, *size)
        for size in sizes_of(resolution)
    ]
    from aebnas.extensions.consent import wrote
    from aebnas.pretrained.saved.file import write_network

    try:
        write_network(network, shapes, path, answer=answer)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
    wrote(path)
    return path


def search_exits(
    network: nn.Module | str,
    data: str | Path | tuple[ArrayLike, ArrayLike] | Mapping[str, Any],
    folder: str | Path | None = None,
    *,
    resolution: Size | Sequence[Size] | None = None,
    normalisation: tuple[float | Sequence[float], float | Sequence[float]] | None = None,
    keep_head: bool = False,
    answer: str | int | None = None,
    overrides: Sequence[str] = (),
    listener: Listener = ignore,
    on_step: Callable[[str], None] = ignore,
    progress: bool = False,
) -> LoadedRun:
    """Search early exits for a network that you have, and its resolution; writes the report.

    The network is kept in the run's folder, so that workers, ``resume_run``, ``train_winner`` and
    ``export_network`` find it there.  With ``workers.mode=ray``, the default, a script calls this below ``if
    __name__ == "__main__":``.

    Args:
        network: A module as of ``save_network``; or what files name: ``"efficientnet_lite0"``, a ``.aebnas``
            file.
        data: A folder of class folders of pictures; or ``(images, labels)``, uint8 ``(n, height, width,
            channels)`` and whole numbers from 0, ``(n,)``; or the section ``data`` of a file.
        folder: The run's directory; must not hold a run.  Default: ``runs/exits_CLASS``, by its class.
        resolution: Pixels, or a list of them as choices of the search; pictures of a folder are brought to
            the largest.  Default: the images' own.
        normalisation: Mean and standard deviation by which the network was trained, each one number or one
            per channel, of pixels from 0 to 1.  Default: a named network's own, else those of the images.
        keep_head: Its own classifier answers last: its classes are those of the data, in their order.
            Default: a new one, trained like the exits.
        answer: As of ``save_network``.
        overrides: Settings of a search-space file, such as ``"space.exits.most=2"``.
        listener: As of ``run_search``.
        on_step: As of ``run_search``.
        progress: As of ``run_search``.

    Returns:
        The finished run, as of ``run_search``.  ``train_winner`` makes of it a plain module with exits.

    Raises:
        NetworkError: As of ``save_network``.
        ConfigError: An argument or a setting is wrong, or the network does not fit the images.
        DataError: Images are missing, damaged, of several sizes without ``resolution``, or no such arrays.
        RunError: The directory holds a run or cannot be written.
        WorkerError: Workers did not start, or every candidate failed.

    Example:
        >>> run = aebnas.search_exits(network, "photos", resolution=[64, 96], normalisation=(0.5, 0.5))
        >>> trained = aebnas.train_winner(run.path, "best").network
    """
    name = _name_of(network)
    path = Path(RUNS) / name if folder is None else Path(folder)
    given = path / GIVEN
    tree = {
        "name": name,
        "data": data_section(data, given / IMAGES, None if resolution is None else sizes_of(resolution)),
        "space": {
            "kind": "pretrained",
            "network": network if isinstance(network, str) else str((given / NETWORK).absolute()),
            "head": "keep" if keep_head else "replace",
            **({} if resolution is None else {"resolution": [plain(size) for size in sizes_of(resolution)]}),
            **({} if normalisation is None else {"normalisation": normalisation_section(normalisation)}),
        },
        **DEFAULTS,
    }
    config = _search_file(tree, overrides)
    from aebnas.runs.store.location import refuse_existing

    refuse_existing(path)  # before torch is imported
    with _handed_over(path, given):
        if isinstance(data, tuple):
            write_arrays(data, given / IMAGES)
        if not isinstance(network, str):
            on_step("reading the network")
            _save(network, given / NETWORK, config, answer)
        return run_search(config, path, listener=listener, on_step=on_step, progress=progress)


def _name_of(network: nn.Module | str) -> str:
    """Return a name that a run can have."""
    name = Path(network).stem if isinstance(network, str) else type(network).__name__
    return f"exits_{re.sub(r'[^A-Za-z0-9_]+', '_', name)}"[:40]


def _search_file(tree: Mapping[str, Any], overrides: Sequence[str]) -> SearchFile:
    from aebnas.config import parse
    from aebnas.config.outside import names_in
    from aebnas.files.yaml_text import yaml_text

    if names_in(tree):
        raise ConfigError(
            f"{names_in(tree)[0]} is code that a file names: make the network and hand it over as it is, or "
            "write it into a search-space file (aebnas.run_search)"
        )
    return parse(yaml_text(dict(tree)).encode(), "search_exits", overrides)


def _save(network: nn.Module, file: Path, config: SearchFile, answer: str | int | None) -> None:
    """Keep a network for the images and resolutions of a search."""
    from aebnas.data.datasets import shape_of

    height, width, channels = shape_of(config.data)
    sizes: Sequence[Size] = getattr(config.space, "resolution", None) or [(height, width)]
    save_network(network, file, list(sizes), channels=channels, answer=answer)


@contextmanager
def _handed_over(path: Path, given: Path) -> Iterator[None]:
    """Make the folder for what is handed over; it is gone again where no run begins.

    Raises:
        RunError: It cannot be made.
    """
    from aebnas.runs.store.location import has_database, storage_errors

    is_new = not path.exists()
    with storage_errors(path):
        given.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not has_database(path):
            shutil.rmtree(path if is_new else given, ignore_errors=True)
        raise
