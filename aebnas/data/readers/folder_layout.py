"""Which files of a folder are which part and class, before any is opened.

A folder holds class folders, or ``train/`` and beside it ``test/`` or ``val/`` (or both) with class folders.
Names of parts are read in upper and lower case, and by the words that are common: see ``PARTS``.

Must not import torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from aebnas.data.checks.class_names import check_class_names, look
from aebnas.data.pictures.problems import Problems
from aebnas.data.readers.listing import entries, is_folder
from aebnas.errors import DataError

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": ("train", "training"),
        "test": ("test", "testing"),
        "val": ("val", "valid", "validation", "dev"),
    }
)
"""Names of the folders of each part, in lower case."""
Files = dict[str, list[Path]]
"""Of each class."""


@dataclass(frozen=True)
class Layout:
    """The files of each part, by class.

    Args:
        train: Has all classes, in the order of their labels.
        test: None: it is cut off from train.
        select: None: it is cut off from train.
        notes: What a person should know of how the folders are read.
    """

    train: Files
    test: Files | None
    select: Files | None
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return tuple(self.train)

    @property
    def parts(self) -> list[Files]:
        """Return the parts that there are."""
        return [part for part in (self.train, self.test, self.select) if part is not None]


def read_layout(folder: Path) -> Layout:
    """List the files of a folder.

    Raises:
        DataError: Something is missing, empty, unreadable or ambiguous; up to twenty such things at once.
    """
    if not is_folder(folder):
        raise DataError(
            f"{folder}: no such folder. Check data.folder; it is taken from the current directory."
        )
    places, notes = _places(folder), []
    problems = Problems()
    files = {part: _files_by_class(place, problems) for part, place in places.items()}
    problems.refuse(str(folder))
    check_class_names(str(places["train"]), files["train"])
    if "val" in files and "test" not in files:
        files["test"], places["test"] = files.pop("val"), places.pop("val")
        notes.append(f"there is no test/: {places['test'].name}/ is the test split.")
    elif "val" in files:
        notes.append(
            f"{places['val'].name}/ is the select split; {places['train'].name}/ is divided into train and "
            "calibrate."
        )
    for part in [part for part in ("test", "val") if part in files]:
        _compare_classes(files["train"], files[part], places, part, problems, notes)
    problems.refuse(str(folder))
    return Layout(files["train"], files.get("test"), files.get("val"), tuple(notes))


def _places(folder: Path) -> dict[str, Path]:
    """Return where each part lies; the folder itself is train where it holds class folders."""
    folders = [path for path in entries(folder) if is_folder(path)]
    part_of = {name: part for part, names in PARTS.items() for name in names}
    by_part: dict[str, list[Path]] = {part: [] for part in PARTS}
    others: list[Path] = []
    for path in folders:
        part = part_of.get(path.name.lower())
        (others if part is None else by_part[part]).append(path)
    if not any(_holds_folders(path) for path in by_part["train"]):
        _refuse_parts_alone(folder, by_part, others)
        return {"train": folder}
    problems = Problems()
    for part, paths in by_part.items():
        if len(paths) > 1:
            names = " and ".join(f"{path.name}/" for path in paths)
            problems.add(f"{folder}: {names} are names of one part ({part}). Keep one, move the others away.")
    if others:
        names = ", ".join(f"{path.name}/" for path in others[:5]) + (", ..." if len(others) > 5 else "")
        problems.add(
            f"{folder}: holds {by_part['train'][0].name}/ and also {names}; beside it only test/ and val/ "
            "are read. Rename or move away what is none of them."
        )
    problems.refuse(str(folder))
    return {part: paths[0] for part, paths in by_part.items() if paths}


def _refuse_parts_alone(folder: Path, by_part: Mapping[str, list[Path]], others: list[Path]) -> None:
    """Refuse to take parts for classes: folders called train, test or val and nothing else."""
    parts = [path for paths in by_part.values() for path in paths]
    if others or not parts or not (by_part["train"] or any(_holds_folders(path) for path in parts)):
        return
    names = ", ".join(f"{path.name}/" for path in parts)
    raise DataError(
        f"{folder}: holds {names}, but no train/ with one folder of images per class. Sort the training "
        f"images into {folder / 'train'}/CLASS/."
    )


def _holds_folders(folder: Path) -> bool:
    return any(is_folder(path) for path in entries(folder))


def _files_by_class(folder: Path, problems: Problems) -> Files:
    classes: Files = {}
    for path in entries(folder):
        with problems.noted():
            if is_folder(path):
                classes[path.name] = entries(path)
                _check_class(path, classes[path.name], problems)
            else:
                problems.add(
                    f"{path}: a file beside the class folders of {folder}.",
                    "Move it into a class folder or away.",
                )
    if not classes and not problems.count:
        problems.add(f"{folder}: 0 class folders; expected one folder of images per class")
    return classes


def _check_class(folder: Path, files: list[Path], problems: Problems) -> None:
    if not files:
        problems.add(f"{folder}: class {folder.name!r} has 0 images. Add images or remove the folder.")
    for path in files:
        if is_folder(path):
            problems.add(
                f"{path}: a folder inside class folder {folder.name!r}.", "Is data.folder one level too high?"
            )


def _nearest(name: str, train: Files) -> str:
    """Return which class may be meant; two that look the same are spelled out."""
    alike = [other for other in train if look(other).lower() == look(name).lower()]
    near = alike or difflib.get_close_matches(name, train, n=1)
    return f": {name!a}. Did you mean {near[0]!a}?" if near else ""


def _compare_classes(
    train: Files, files: Files, places: Mapping[str, Path], part: str, problems: Problems, notes: list[str]
) -> None:
    """Note what one part has and the other has not; what scores candidates needs every class."""
    for name in files:
        if name not in train:
            problems.add(
                f"{places[part] / name}: a {part} class without training images in {places['train']}"
                f"{_nearest(name, train)}"
            )
    missing = [name for name in train if name not in files]
    if not missing:
        return
    few = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
    said = f"{places[part]}: no images of {len(missing)} of {len(train)} classes: {few}"
    if part == "val":
        problems.add(f"{said}. It is the select split, which needs every class: add images, or move it away.")
    else:
        notes.append(f"{said}; the test split does not score them.")
