"""Images that moved since a run began: named anew, read, and told plainly if they are not there.

What identifies data is what they hold, not where they lie: whoever reads them for
a run compares fingerprints.

Must not import torch.
"""

from __future__ import annotations

import os
from pathlib import Path

from aebnas.config.schema import DataConfig
from aebnas.config.text_paths import expanded
from aebnas.data.dataset import Dataset
from aebnas.data.datasets import KNOWN, load_dataset
from aebnas.errors import ConfigError, DataError

ADVICE = "If the images have moved, name their new place: --data PATH"


def moved(data: DataConfig, place: Path | None) -> DataConfig:
    """Return where the images of a run are now.

    Args:
        data: Where they were.
        place: Their new folder or .npz file, or the folder of the official files; None: where they were.

    Raises:
        ConfigError: A dataset that lies nowhere: it comes with a package.
        DataError: There is no such folder or file.
    """
    if place is None:
        return data
    field = _field(data)
    path = Path(os.path.abspath(expanded("--data", place)))
    is_file = field == "npz"
    if not (os.path.isfile(path) if is_file else os.path.isdir(path)):
        what = "file" if is_file else "folder"
        raise DataError(
            f"--data {place}: no such {what}. data.{field} was {getattr(data, field) or 'not given'}: name "
            f"the {what} that took its place"
        )
    return data.model_copy(update={field: str(path)})


def read_again(data: DataConfig, progress: bool = False) -> Dataset:
    """Return the dataset of a run, as ``load_dataset`` does; how a new place is named goes with every error.

    Raises:
        DataError: Missing, damaged, inconsistent or larger than memory.
    """
    try:
        return load_dataset(data, progress=progress)
    except DataError as error:
        if data.name is not None and data.root is None:
            raise
        raise DataError(f"{error} {ADVICE}") from error


def other_data(what: str, then: str, now: str, cure: str) -> str:
    """Return that the data are others than those of a run.

    Args:
        what: Whose data, with the verb: ``the data of runs/mine have changed since the run began``.
        then: Their fingerprint.
        now: The fingerprint of what was read.
        cure: What can be done, as a sentence.
    """
    return (
        f"{what}: fingerprint {then[:12]} then, {now[:12]} now. {cure}, or name the place of the same "
        "images: --data PATH"
    )


def _field(data: DataConfig) -> str:
    """Return the field that says where the images lie."""
    if data.folder is not None:
        return "folder"
    if data.npz is not None:
        return "npz"
    if data.is_outside:
        raise ConfigError(
            f"--data: the data come from {data.name}, whose options say where they lie; leave it out"
        )
    if not KNOWN[str(data.name)].files:
        raise ConfigError(
            f"--data: {data.name} comes with an installed package and lies nowhere else; leave it out"
        )
    return "root"
