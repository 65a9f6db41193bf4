"""The finished trials of an unfinished tuning: ``tuning.json``, written whole whenever a trial ends.

The next session tells the finished trials to Optuna and to ASHA as if they had just ended, and runs the
others.  Trials that were running are lost.  Ray Tune's own restore is not used: its state is pickled,
and can be read by the very same code and versions only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from aebnas.config.choices import Frozen, Items
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import RunError
from aebnas.files.atomic import write_atomically

TUNING_FILE = "tuning.json"
FORMAT = 1
Share = Annotated[float, Field(ge=0, le=1)]


class Tried(Frozen):
    """One trial that ended, by itself or by ASHA."""

    settings: dict[str, Any]
    """Fields of the section ``training``."""
    accuracy: Share
    """At the end; mean over the exits, on select."""
    epochs: Annotated[int, Field(ge=0)]
    """After which it ended."""
    reports: Items[tuple[int, Share]] = ()
    """Epochs done and accuracy then, in order; ASHA compares other trials with them."""


class Question(Frozen):
    """What is tuned; trials of another question are not used for this one."""

    key: str
    """Identity of the architecture."""
    data_fingerprint: str
    """Of the data and splits."""
    seed: int
    """Of the trainings."""
    base: TrainingConfig
    """Settings around which is searched."""
    supernet: str | None = None
    """Checksum of the supernet whose weights the trainings begin with; null: random ones."""


class UnfinishedTuning(Frozen):
    """``tuning.json``."""

    format: Annotated[int, Field(ge=1, le=FORMAT)]
    """Version of the file."""
    question: Question
    """What is tuned."""
    trials: Items[Tried]
    """Those that ended, in that order."""


class TuningRecord:
    """The trials of one question in one folder."""

    def __init__(self, folder: Path, question: Question) -> None:
        """Read the trials that an earlier session finished; those of another question are ignored.

        Raises:
            RunError: The file is damaged, or of a newer version.
        """
        self._path = folder / TUNING_FILE
        self._question = question
        record = _read(self._path)
        self._trials = list(record.trials) if record is not None and record.question == question else []

    @property
    def trials(self) -> tuple[Tried, ...]:
        """Return the trials that ended, in that order."""
        return tuple(self._trials)

    def add(self, tried: Tried) -> None:
        """Keep a trial.

        Raises:
            OSError: It cannot be written.
        """
        self._trials.append(tried)
        whole = UnfinishedTuning(format=FORMAT, question=self._question, trials=self.trials)
        write_atomically(self._path, whole.model_dump_json(indent=1).encode())


def forget_tuning(folder: Path) -> None:
    """Delete the record of an unfinished tuning, if there is one."""
    (folder / TUNING_FILE).unlink(missing_ok=True)


def _read(path: Path) -> UnfinishedTuning | None:
    try:
        return UnfinishedTuning.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path} is damaged: {where + ': ' if where else ''}{first['msg']}. Tune anew with --again"
        ) from error
