"""Processes that fill stores and train heads, and some that are killed while they do.

Usage: ``python frozen_children.py WHAT FOLDER [NUMBER]``.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import torch
from frozen_cases import PLENTY_MB, bank, request, store

from aebnas.files import atomic
from aebnas.files.waiting_lock import held
from aebnas.heads.bank import head_bank, head_file, training
from aebnas.heads.features import block_file

torch.set_num_threads(1)


def die(*given: Any, **options: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def fill(folder: Path) -> None:
    own = store(folder)
    own.fill(own.plan(PLENTY_MB, 2))


def fill_and_die(folder: Path, files: int) -> None:
    """Be killed when so many files have been put in their places."""
    settle, settled = atomic._settle, []

    def settle_or_die(draft: Path, target: Path) -> None:
        settled.append(target)
        if len(settled) > files:
            die()
        settle(draft, target)

    atomic._settle = settle_or_die
    fill(folder)


def fill_with_small_files(folder: Path, size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    fill(folder)


def fill_together(folder: Path) -> None:
    """Begin when everybody is there; say how many blocks one wrote."""
    write, written = block_file.write_together, []

    def write_slowly(files: Any) -> None:
        written.append(files)
        time.sleep(0.05)
        write(files)

    block_file.write_together = write_slowly
    wait_for_go(folder)
    fill(folder)
    print(len(written))


def train(folder: Path) -> None:
    head = bank(folder).head(request())
    print(head.key)


def train_together(folder: Path) -> None:
    """Note each training in a file of its own."""
    train_head = head_bank.train_head

    def noted(*given: Any) -> Any:
        (folder / f"trained-{os.getpid()}").touch()
        time.sleep(0.3)
        return train_head(*given)

    head_bank.train_head = noted
    own = bank(folder)
    wait_for_go(folder)
    print(own.head(request()).key)


def die_in_training(folder: Path) -> None:
    train_phases = training.train_phases

    def trained_then_dead(*given: Any) -> None:
        train_phases(*given)
        die()

    training.train_phases = trained_then_dead
    train(folder)


def die_in_writing(folder: Path) -> None:
    write = head_file.write_together

    def half_written(files: dict[Path, bytes]) -> None:
        write(dict(list(files.items())[:1]))
        die()

    head_file.write_together = half_written
    train(folder)


def hold_and_die(folder: Path) -> None:
    with held(folder / "lock"):
        die()


def wait_for_go(folder: Path) -> None:
    (folder / f"ready-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)


if __name__ == "__main__":
    _, what, place, *numbers = sys.argv
    globals()[what](Path(place), *map(int, numbers))
