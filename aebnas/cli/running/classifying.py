"""``aebnas run``: an exported network on image files; what cannot be read is told, the others go on."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aebnas.data.pictures.files import reason
from aebnas.data.readers.listing import is_clutter, unreadable
from aebnas.errors import AebnasError, DataError

if TYPE_CHECKING:
    from aebnas.deploy import EarlyExitSession, Prediction


def run(arguments: argparse.Namespace) -> int:
    """Classify images; return 3 if some could not be read."""
    from aebnas.deploy import EarlyExitSession

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it repeats on stderr what it raises
    session = EarlyExitSession(arguments.folder, arguments.threads)
    session.answer(np.zeros((1, *session.input_shape), np.float32))  # the first call costs most
    left, failed = np.zeros(session.exits, np.int64), 0
    for some in _groups(_files(arguments.images), arguments.batch_size):
        for name, found in _answers(session, some):
            if isinstance(found, str):
                failed += 1
                _print_failure(name, found, arguments.json)
            else:
                left[found.exit] += 1
                _print_prediction(name, found, arguments.json)
    if not arguments.json:
        print(_summary(session, left, failed))
    return DataError.exit_code if failed else 0


def image_files(path: Path) -> list[Path]:
    """Return a file as it is, and of a folder all files below it, sorted; hidden ones are left out.

    Raises:
        DataError: The folder holds no file, or a folder in it cannot be read.
    """
    files = []
    for name, wrong in _listed(str(path)):
        if wrong is not None:
            raise DataError(wrong)
        files.append(Path(name))
    return files


def _files(given: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield every file, with what is wrong with it where that is known."""
    for word in given:
        yield from _listed(word)


def _listed(word: str) -> list[tuple[str, str | None]]:
    """Return a file, or all below a folder, with what is wrong where that is known."""
    try:
        if not Path(word).is_dir():
            return [(word, None)]
    except (OSError, ValueError) as error:
        return [(word, f"{word}: {reason(error)}")]
    wrong: dict[str, str | None] = {}

    def note(error: OSError) -> None:
        folder = str(error.filename)
        wrong[folder] = str(unreadable(Path(folder), error))

    for folder, folders, names in os.walk(word, onerror=note):
        folders[:] = [name for name in folders if not is_clutter(name)]
        wrong |= {str(Path(folder) / name): None for name in names if not is_clutter(name)}
    if not wrong:
        return [(word, f"{word}: no files in this folder")]
    return sorted(wrong.items(), key=lambda file: Path(file[0]))


def _groups(files: Iterator[tuple[str, str | None]], size: int) -> Iterator[list[tuple[str, str | None]]]:
    group: list[tuple[str, str | None]] = []
    for file in files:
        group.append(file)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _answers(
    session: EarlyExitSession, files: Sequence[tuple[str, str | None]]
) -> list[tuple[str, Prediction | str]]:
    """Return each file with its answer, or why there is none, in order."""
    prepared: list[NDArray[np.float32]] = []
    reasons: list[str | None] = []
    for name, wrong in files:
        reason = wrong
        if reason is None:
            try:
                prepared.append(session.prepare(name))
            except AebnasError as error:
                reason = str(error)
        reasons.append(reason)
    if len(prepared) == 1:
        found = iter([session.answer(prepared[0])])
    else:
        found = iter(session.predict_batch(np.concatenate(prepared)) if prepared else [])
    return [
        (name, next(found) if reason is None else reason)
        for (name, _), reason in zip(files, reasons, strict=True)
    ]


def _print_prediction(name: str, found: Prediction, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": name, **found._asdict()}), flush=True)
        return
    print(
        f"{name}: {found.label} {found.confidence:.1%}, exit {found.exit_name}, {found.milliseconds:.3f} ms"
    )


def _print_failure(name: str, reason: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": name, "error": reason}), flush=True)
        return
    sys.stdout.flush()  # both streams in the order of the files
    print(f"aebnas: {reason}", file=sys.stderr)


def _summary(session: EarlyExitSession, left: NDArray[np.int64], failed: int) -> str:
    done = int(left.sum())
    names = session.manifest.exits
    shares = ", ".join(f"{name} {count / max(done, 1):.0%}" for name, count in zip(names, left, strict=True))
    failures = f"; {failed} could not be read" if failed else ""
    return f"{done} {'image' if done == 1 else 'images'} classified; left at {shares}{failures}"
