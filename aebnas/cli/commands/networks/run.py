"""``aebnas run``: an exported network on image files; what cannot be read is told, the others go on."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json, add_threads, positive
from aebnas.errors import AebnasError, DataError

if TYPE_CHECKING:
    from aebnas.deploy.picture_files import NamedFile
    from aebnas.deploy.session import EarlyExitSession, Prediction


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("folder", metavar="DIR", help="an export folder")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files, or folders of them")
    parser.add_argument(
        "--batch-size", type=positive, default=1, metavar="N",
        help="images of one call (default 1); who has left is dropped before the next segment",
    )  # fmt: skip
    add_allow_code(parser, "by which it decides")
    add_threads(parser)
    add_json(parser, "one JSON object per image")


def run(arguments: argparse.Namespace) -> int:
    """Classify images; return 3 if some could not be read."""
    import numpy as np

    from aebnas.deploy.picture_files import named_files
    from aebnas.deploy.session import EarlyExitSession

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it repeats on stderr what it raises
    session = EarlyExitSession(arguments.folder, arguments.threads)
    session.answer(np.zeros((1, *session.input_shape), np.float32))  # the first call costs most
    left, failed = [0] * session.exits, 0
    for files in _groups(named_files(arguments.images), arguments.batch_size):
        for name, answer in _answers(session, files):
            if isinstance(answer, str):
                failed += 1
                _print_failure(name, answer, arguments.json)
            else:
                left[answer.exit] += 1
                _tell(name, answer, arguments.json)
    if not arguments.json:
        print(_summary(session, left, failed))
    return DataError.exit_code if failed else 0


def _groups(files: Iterator[NamedFile], size: int) -> Iterator[list[NamedFile]]:
    group: list[NamedFile] = []
    for file in files:
        group.append(file)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _answers(session: EarlyExitSession, files: Sequence[NamedFile]) -> list[tuple[str, Prediction | str]]:
    """Return each file with its answer, or why there is none, in order."""
    import numpy as np

    prepared = []
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
        answers = iter([session.answer(prepared[0])])
    else:
        answers = iter(session.predict_batch(np.concatenate(prepared)) if prepared else [])
    return [
        (name, next(answers) if reason is None else reason)
        for (name, _), reason in zip(files, reasons, strict=True)
    ]


def _tell(name: str, answer: Prediction, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": name, **answer._asdict()}), flush=True)
        return
    where = f"exit {answer.exit_name}, {answer.milliseconds:.3f} ms"
    print(f"{name}: {answer.label} {answer.confidence:.1%}, {where}")


def _print_failure(name: str, reason: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": name, "error": reason}), flush=True)
        return
    sys.stdout.flush()  # both streams in the order of the files
    print(f"aebnas: {reason}", file=sys.stderr)


def _summary(session: EarlyExitSession, left: Sequence[int], failed: int) -> str:
    done = sum(left)
    names = session.manifest.exits
    shares = ", ".join(f"{name} {count / max(done, 1):.0%}" for name, count in zip(names, left, strict=True))
    failures = f"; {failed} could not be read" if failed else ""
    return f"{done} {'image' if done == 1 else 'images'} classified; left at {shares}{failures}"


COMMAND = Command(
    "run",
    "classify images with an exported network",
    "Classify images with an exported network, stopping at its exits. What cannot be read is told, the "
    "others go on; the exit code is then 3.",
    add_options,
    run,
    only_prints=True,
)
