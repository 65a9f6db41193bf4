"""A run as a pandas frame, and each architecture as its genes.

    aebnas.load_run("runs/mnist5k").to_frame()

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aebnas.errors import ConfigError, RunError
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import exit_names
from aebnas.runs.frame_columns import POINT_GENES, column_kinds
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.reading import read_run
from aebnas.runs.static.gain import StaticComparison, static_comparison
from aebnas.runs.store.store import RunStore
from aebnas.space.api import Architecture
from aebnas.space.genes import Gene, plain_choice

if TYPE_CHECKING:
    import pandas as pd


def load_run(path: str | Path) -> LoadedRun:
    """Read a run, finished or not.

    Raises:
        ConfigError: Its configuration cannot be read.
        RunError: There is no run in that directory, or it is damaged.
    """
    with closing(RunStore(Path(path))) as store:
        return LoadedRun(read_run(store))


class LoadedRun:
    """A run in memory, for notebooks and scripts."""

    def __init__(self, contents: RunContents) -> None:
        """Wrap the contents of a run."""
        self.contents = contents  # its space, which may take seconds, is made when genes are asked for
        self._genes = cache(self._read_genes)

    @property
    def path(self) -> Path:
        """Return the run's directory."""
        return self.contents.path

    @property
    def page(self) -> Path | None:
        """Return where its report lies; None: the run's settings ask for none, or it is not written."""
        path = self.path / "report.html"
        return path if self.contents.config.report.enabled and path.is_file() else None

    @property
    def front(self) -> tuple[OperatingPoint, ...]:
        """Return the points of the Pareto front, by rising expected cost."""
        return self.contents.front

    def exits_gain(self) -> StaticComparison | None:
        """Return what exits gained over the run's static networks; None: it has no static networks.

        Raises:
            RunError: The run is damaged.
        """
        with closing(RunStore(self.path)) as store:
            return static_comparison(self.contents, store)

    @property
    def positions(self) -> Mapping[str, Gene]:
        """Return every gene and fixed position of the search space, by name."""
        return self.contents.space.positions

    def genes(self, architecture: Architecture) -> dict[str, Any]:
        """Return the choice of every active gene of an architecture, by the gene's name."""
        return dict(self._genes(architecture))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per operating point of every candidate, and one per failed candidate.

        Columns: ``key``, ``status`` (``done``, ``failed``, ``out_of_memory``, ...), ``reason`` (of a
        failure), ``on_front``, ``is_feasible``, ``budget_fraction``, ``exit_policy``, every quantity
        measured (``accuracy``, ``macs``, ``latency_ms@PROFILE``, ...), ``exit_rate[EXIT]``, ``epochs``,
        ``seconds``, ``cpu_seconds``, and ``gene[NAME]``.  They are there, of their types, before anything
        is evaluated too.
        """
        import pandas as pd

        front = {(point.key, point.index) for point in self.front}
        rows = [self._row(point, (point.key, point.index) in front) for point in self.contents.points]
        rows += [
            {
                "key": evaluation.key,
                "status": evaluation.status,
                "reason": evaluation.message,
                "on_front": False,
                "epochs": evaluation.epochs,
            }
            for evaluation in self.contents.failed
        ]
        kinds = column_kinds(self.contents, self.positions)
        others = dict.fromkeys(name for row in rows for name in row if name not in kinds)
        frame = pd.DataFrame(rows, columns=[*kinds, *others])
        return frame if rows else frame.astype(kinds)

    def _row(self, point: OperatingPoint, on_front: bool) -> dict[str, Any]:
        evaluation = point.evaluation
        names = exit_names(evaluation.architecture)
        return {
            "key": point.key,
            "status": evaluation.status,
            "on_front": on_front,
            "is_feasible": point.is_feasible,
            "budget_fraction": point.budget_fraction,
            "exit_policy": point.setting or self.contents.config.exits.only.name,
            **point.metrics,
            **{f"exit_rate[{name}]": rate for name, rate in zip(names, point.exit_rates, strict=True)},
            "epochs": evaluation.epochs,
            "seconds": evaluation.seconds,
            "cpu_seconds": evaluation.cpu_seconds,
            **{f"gene[{name}]": value for name, value in self._genes(evaluation.architecture).items()},
        }

    def _read_genes(self, architecture: Architecture) -> dict[str, Any]:
        choices = {name: gene.choices for name, gene in self.positions.items()}
        try:
            indices = self.contents.space.active_genes(architecture)
        except ConfigError as error:
            raise RunError(
                f"{self.contents.path} is damaged: {architecture.key()} is not of its space: {error}. "
                "Put a copy of config.yaml and run.sqlite back"
            ) from error
        return {
            name: plain_choice(choices[name][index])
            for name, index in indices.items()
            if name not in POINT_GENES and len(choices[name]) > 1
        }
