"""Runs: read, reported, held against other devices, their exit policies compared.  Must not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.arguments import check_list

if TYPE_CHECKING:
    from aebnas.exits.policies.family import PolicyFamily
    from aebnas.report import ReportFiles, Winner
    from aebnas.report.exits.study import ExitStudy
    from aebnas.runs.frame import LoadedRun
    from aebnas.runs.store.store import RunStore


def load_run(path: str | Path) -> LoadedRun:
    """Read a run, finished or not.

    Args:
        path: The run's directory.

    Returns:
        ``front`` lists the points of the Pareto front by rising cost (``key``, ``accuracy`` on select, a
        share from 0 to 1; ``metrics``: macs, params, bytes, ``latency_ms@PROFILE``, ``energy_mj@PROFILE``);
        ``to_frame()`` is a pandas frame with a row per operating point of every candidate.

    Raises:
        ConfigError: Its configuration cannot be read.
        RunError: There is no run in that directory, or it is damaged.
        CodeRefusedError: It needs code from outside AEBNAS; see ``allow_code``.

    Example:
        >>> frame = aebnas.load_run("runs/mnist5k").to_frame()
        >>> frame[frame["on_front"]].sort_values("macs")[["key", "accuracy", "macs"]]
    """
    from aebnas.runs.frame import load_run as read

    return read(path)


def load_winner(path: str | Path) -> Winner:
    """Read the file of one network of a Pareto front.

    Args:
        path: As ``runs/NAME/winners/KEY.yaml``.

    Returns:
        ``architecture``, and ``points``: its operating points on the front, by rising cost.

    Raises:
        ConfigError: The file is missing or wrong; one line per mistake, with ``FILE:LINE``.

    Example:
        >>> aebnas.load_winner("runs/mine/winners/2c306b1bae5f4553.yaml").architecture.key()
        '2c306b1bae5f4553'
    """
    from aebnas.report.files.winners import load_winner as read

    return read(Path(path))


def write_report(
    runs: str | Path | LoadedRun | Sequence[str | Path | LoadedRun],
    folder: str | Path | None = None,
    *,
    figures: str | Path | None = None,
) -> ReportFiles:
    """Write ``report.html``, ``pareto.csv`` and ``winners/`` of one run or several.

    Args:
        runs: A run's directory, or several: one page that compares them.
        folder: Where to write; default: the run's directory, of several ``compare`` in the first one's.
        figures: Folder for the main plots, as SVG and PNG; default: they are not drawn.

    Returns:
        Paths: ``page``, ``table``, and ``winners``, a file per network of the front, by rising cost;
        ``code_not_run``: code from outside that the runs name and nobody allowed.

    Raises:
        ConfigError: A run's configuration cannot be read.
        RunError: A run is missing or damaged, or a file cannot be written.

    Example:
        >>> aebnas.write_report(["runs/one", "runs/other"], "comparison").page
        PosixPath('comparison/report.html')
    """
    from aebnas.report import write_figures
    from aebnas.report import write_report as write

    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    with ExitStack() as opened:
        stores = [opened.enter_context(_store(run)) for run in several]
        files = write(stores, None if folder is None else Path(folder))
        if figures is not None:
            write_figures(stores, Path(figures))
    return files


def rescore_run(
    run: str | Path | LoadedRun,
    hardware: Sequence[str | Path],
    objectives: Sequence[str] | None = None,
    *,
    table: str | Path | None = None,
) -> LoadedRun:
    """Tune the exits of every trained candidate for other devices, from its stored scores, without training.

    Args:
        run: The run; its directory is not changed.
        hardware: Hardware profiles, at least one.
        objectives: What the front is made of; default: ``["error", "latency_ms"]`` of the first profile.
        table: Where to write the front as CSV; default: nowhere.

    Returns:
        The run as it stands on those devices; ``front`` and ``to_frame()`` as of ``load_run``.

    Raises:
        ConfigError: A profile is wrong, or the objectives do not fit the profiles.
        HardwareError: A profile lacks a layer of the run's networks, or energies.
        RunError: There is no run, it was not begun, or its exits are fitted on logits.

    Example:
        >>> run = aebnas.rescore_run("runs/mine", ["hardware_profiles/board.yaml"])
        >>> [(point.key, point.metrics["latency_ms"]) for point in run.front]
    """
    check_list("hardware", hardware)
    if objectives is not None:
        check_list("objectives", objectives)
    from aebnas.report.files.front_csv import front_csv
    from aebnas.report.files.rescored import rescored_run
    from aebnas.report.files.writing import write_file
    from aebnas.runs.frame import LoadedRun

    contents = rescored_run(_path(run), hardware, objectives)
    if table is not None:
        write_file(Path(table), front_csv([contents], {}))
    return LoadedRun(contents)


def compare_policies(
    run: str | Path | LoadedRun,
    candidate: str | None = None,
    *,
    others: Mapping[str, PolicyFamily] | None = None,
    page: str | Path | None = None,
) -> ExitStudy:
    """Fit every exit policy to the stored logits of one network of a run, and compare them.

    All are fitted on calibrate and scored on select; nothing is trained.

    Args:
        run: The run, finished or not.
        candidate: A network's key; default: the most accurate of the front.
        others: Further families of policies to compare, by name.
        page: Where to write the comparison as a page; default: nowhere.

    Returns:
        ``comparison.families``: of each, ``name`` and ``points`` with ``share`` (the budget, a share of the
        full cost), ``accuracy``, ``low`` and ``high`` (95% band), ``cost`` and ``harm``, shares from 0 to 1.

    Raises:
        RunError: There is no such network, its logits were not kept, the run is damaged, or the page cannot
            be written.

    Example:
        >>> study = aebnas.compare_policies("runs/mine", page="policies.html")
        >>> {family.name: family.points[0].accuracy for family in study.comparison.families}
    """
    from aebnas.report.exits.study import exit_study

    with _store(run) as store:
        study = exit_study(store, candidate, others)
    if page is not None:
        from aebnas.report.exits.page import exit_page
        from aebnas.report.files.writing import write_file

        write_file(Path(page), exit_page(study))
    return study


def export_study(run: str | Path | LoadedRun, storage: str, name: str | None = None) -> int:
    """Write a run into an Optuna storage as a new study, for optuna-dashboard.

    Args:
        run: The run.
        storage: URL of the storage, as ``sqlite:///study.db``.
        name: Of the study; default: the run's.

    Returns:
        The number of trials: one per operating point of every candidate, and one per failed candidate.

    Raises:
        RunError: There is no run; the storage cannot be written, keeps nothing, or has a study of that name.

    Example:
        >>> aebnas.export_study("runs/mine", "sqlite:///study.db")
        412
    """
    from aebnas.report.files.optuna_study import export_study as export

    return export(load_run(run) if isinstance(run, str | Path) else run, storage, name)


def _path(run: str | Path | LoadedRun) -> Path:
    return Path(run) if isinstance(run, str | Path) else run.path


@contextmanager
def _store(run: str | Path | LoadedRun) -> Iterator[RunStore]:
    from aebnas.runs.store.store import RunStore

    with closing(RunStore(_path(run))) as store:
        yield store
