"""Official files: found in the user's folder, or downloaded once and verified.

Downloads are checked against published checksums.  The user's own files are not:
they may be re-packed; their readers check sizes, record counts and labels.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aebnas.errors import DataError
from aebnas.files.user_cache import user_cache


@dataclass(frozen=True)
class OfficialFile:
    """One published file.

    Args:
        url: Where it is published; its last part is the file's name.
        md5: Published checksum.
        extracted: Name of the file or folder that extracting it makes; "": nothing.
        marker: A file inside the extracted folder by which the folder is known.
    """

    url: str
    md5: str
    extracted: str = ""
    marker: str = ""

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[1]


def obtain(file: OfficialFile, root: Path | None, *, progress: bool) -> Path:
    """Return the file, or what was extracted from it.

    Args:
        file: What is wanted.
        root: The user's folder (``data.root``), which must hold it; None: it comes
            from the cache, downloaded first if need be.
        progress: Show the progress of a download.

    Raises:
        DataError: Not in ``root``; or it could not be downloaded.
    """
    return _download(file, progress) if root is None else _find(file, root)


def _find(file: OfficialFile, root: Path) -> Path:
    places = list(_places(file, root))
    for path, evidence in places:
        if evidence.is_file():
            return path
    looked_for = ", ".join(str(evidence) for _, evidence in places)
    raise DataError(
        f"data.root {root}: {file.name} is not there (looked for {looked_for}). "
        f"Put the file from {file.url} there, or leave data.root out to download it."
    )


def _places(file: OfficialFile, root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield where the data may lie, each with the file whose presence proves it."""
    if file.marker:
        yield root / file.extracted, root / file.extracted / file.marker
        yield root, root / file.marker
    elif file.extracted:
        yield root / file.extracted, root / file.extracted
    yield root / file.name, root / file.name


def _download(file: OfficialFile, progress: bool) -> Path:
    import pooch  # with requests 0.2 s: only where it is needed

    from aebnas.data.readers.download import ResumingDownloader

    cache = user_cache()
    downloader = ResumingDownloader(cache / f"{file.name}.part", progress=progress)
    cure = f"Without a network, put {file.name} into a folder and name that folder in data.root."
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return Path(pooch.retrieve(file.url, f"md5:{file.md5}", file.name, cache, downloader=downloader))
    except DataError as error:
        raise DataError(f"{file.name} could not be downloaded from {file.url}: {error}. {cure}") from error
    except ValueError as error:  # pooch: the checksum differs; it deleted the file
        raise DataError(
            f"{file.name} from {file.url} has the wrong checksum (expected md5 {file.md5}) and was deleted. "
            f"Try again; if it stays wrong, the server sends something else. {cure}"
        ) from error
    except OSError as error:
        raise DataError(f"{file.name} could not be stored in {cache}: {error}. {cure}") from error
