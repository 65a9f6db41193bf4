"""``aebnas check``: what a file spans, what that costs, what its limits leave."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from aebnas.cli.costs import SampleCosts, Share, Spread, sample_costs
from aebnas.cli.views.gene_rows import gene_rows
from aebnas.cli.views.json_lines import write
from aebnas.cli.views.unread_code import UNCHECKED, not_loaded, unread_names
from aebnas.config import SearchFile
from aebnas.config.sections.evaluation import unread_options
from aebnas.config.sections.fidelities import short
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.data.checks.duplicates import TEST
from aebnas.data.checks.metadata import DataMetadata
from aebnas.data.splits import NAMES
from aebnas.evaluation.plan import Plan, plan_of
from aebnas.evaluation.settings import candidate_settings
from aebnas.report.text.training_formatting import format_training
from aebnas.runs.formatting import count, metric_name, percent, si
from aebnas.search.preparation import prepare
from aebnas.space.api import SearchSpace
from aebnas.task.metrics.table import metric_of
from aebnas.terminal.fitting import FittedText
from aebnas.terminal.tables import FittedColumn, FittedTable, table_of_rows

PIPE_WIDTH = 110
FEW = 0.01
"""Share of the samples below which the limits deserve a warning."""
EXACT_DIGITS = 12
"""Longer counts are rounded."""


@dataclass(frozen=True)
class Description:
    """All that ``aebnas check`` tells of a file."""

    config: SearchFile
    space: SearchSpace
    data: DataMetadata
    genomes: int
    architectures: int
    costs: SampleCosts
    weight_notes: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """Return how candidates get their weights."""
        return plan_of(self.config)

    @property
    def code_not_loaded(self) -> tuple[str, ...]:
        """Return the names of code from outside that nobody allowed."""
        return unread_names(self.config)

    @property
    def warning(self) -> str | None:
        """Return what is wrong with the limits, if next to nothing satisfies them."""
        if self.costs.left >= FEW or not self.costs.shares:
            return None
        tightest = min(self.costs.shares, key=lambda share: share.share)
        none = "none" if self.costs.left == 0 else f"only {percent(self.costs.left, 2)}"
        return (
            f"{none} of {self.costs.samples:,} random architectures can satisfy the limits; "
            f"the tightest is {tightest.limit}, which leaves {percent(tightest.share, 2)}. "
            "Loosen it, or offer cheaper choices in space."
        )

    @property
    def notes(self) -> list[str]:
        """Return what a person might not expect of how images are read or candidates get their weights."""
        config, found = self.config, [*self.data.notes, *self.weight_notes]
        if self.code_not_loaded:
            cure = "aebnas check FILE --allow-code"
            found.append(f"{not_loaded(self.code_not_loaded)}. If you wrote or have read it: {cure}")
        inherits = self.plan.inherits
        if not inherits and config.supernet != SupernetConfig():
            found.append(
                "section supernet: only the fidelity inherited and aebnas supernet read it; "
                f"evaluation.fidelities is {short(config.evaluation.fidelities)}."
            )
        unread = unread_options(config.evaluation)
        if unread:
            found.append(f"section evaluation: nothing reads {', '.join(unread)}.")
        learned = [name for name in config.constraints if metric_of(name).is_learned]
        if inherits and learned:
            names = " and ".join(map(metric_name, learned))
            found.append(
                f"limits on {names} are held against what candidates inherit, less than training gives."
            )
        return found


def describe(config: SearchFile, file: str, samples: int, json: bool = False) -> None:
    """Print what a valid file spans.

    Args:
        config: The validated file.
        file: Its path, for display.
        samples: Random architectures to cost.
        json: Print one JSON object instead.

    Raises:
        ConfigError, DataError, HardwareError, RunError: As a search would: ``preparation.prepare``.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH

    def progress(numbers: Iterable[int]) -> Iterable[int]:
        if json or not console.is_terminal:
            return numbers
        return _counted(numbers, samples, console)

    prepared = prepare(config, must_read=False)
    space, data = prepared.problem.space, prepared.data
    costs = sample_costs(config, space, data.task, samples, progress, prepared.problem.devices)
    counts = (math.prod(space.cardinalities), space.count())
    found = Description(config, space, data, *counts, costs, prepared.notes)
    if json:
        write(as_dict(found, file))
    else:
        _print(console, found, file)


def as_dict(found: Description, file: str) -> dict[str, Any]:
    """Return the description as plain values; counts are exact however long."""
    return {
        "file": file,
        "name": found.config.name,
        "data": {
            "source": source(found.config),
            "shape": found.data.shape,
            "classes": len(found.data.classes),
        },
        "images": dict(zip((*NAMES, TEST), found.data.counts, strict=True)),
        "images_read": found.data.duplicates is not None,
        "duplicates": None if found.data.duplicates is None else found.data.duplicates.to_dict(),
        "data_warnings": found.data.warnings,
        "genes": [asdict(gene) for gene in found.space.genes],
        "genomes": found.genomes,
        "architectures": found.architectures,
        **asdict(found.costs),
        "fidelities": [
            {"name": one.name, "epochs": one.epochs, "keep": None if one.keep is None else str(one.keep)}
            for one in found.plan.fidelities
        ],
        "code_not_loaded": found.code_not_loaded,
        "not_checked": [UNCHECKED] if found.code_not_loaded else [],
        "warning": found.warning,
        "notes": found.notes,
    }


def source(config: SearchFile) -> str:
    """Return where the images come from."""
    return str(config.data.name or config.data.folder or config.data.npz)


def _print(console: Console, found: Description, file: str) -> None:
    height, width, channels = found.data.shape
    console.print(
        f"{file} is valid: {found.config.name}, {source(found.config)} "
        f"({height} x {width} x {channels}, {count(len(found.data.classes), 'class', 'classes')})",
        soft_wrap=True,
    )
    console.print(_images(found), soft_wrap=True)
    for warning in found.data.warnings:
        console.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    console.print(_genes(found.space))
    genomes = f"{count(len(found.space.genes), 'gene')}, {_count(found.genomes)} genomes"
    console.print(FittedText(f"{genomes}, {_count(found.architectures)} distinct architectures"))
    console.print()
    console.print(_spreads(found.costs))
    _print_limits(console, found)
    words, further = format_training(candidate_settings(found.config))
    console.print(f"Candidates: {words}{f'; {further}' if further else ''}", soft_wrap=True)
    console.print(f"Search it: aebnas search {shlex.quote(file)}", soft_wrap=True)


def _images(found: Description) -> str:
    """Return how many images each split has, and whether the images themselves were looked at."""
    counts = ", ".join(
        f"{number:,} {name}" for name, number in zip((*NAMES, TEST), found.data.counts, strict=True)
    )
    read = "were read" if found.data.duplicates else "are known by published numbers, not read"
    return f"Images: {counts}; they {read}"


def _counted(numbers: Iterable[int], total: int, console: Console) -> Iterator[int]:
    """Yield numbers under a bar that is gone afterwards."""
    from aebnas.terminal.bars import FittedProgress

    with FittedProgress(console, transient=True) as bar:
        yield from bar.track(numbers, total, description="costing random architectures")


def _genes(space: SearchSpace) -> FittedTable:
    rows: list[tuple[str, str, str]] = []
    before = None
    for row in gene_rows(space.genes):
        rows.append((row.group if row.group != before else "", row.name, row.choices))
        before = row.group
    rows = rows or [("", "none: the file fixes a single architecture", "")]
    return FittedTable(
        [
            FittedColumn(head, tuple(row[i] for row in rows), is_text=True, folds=True)
            for i, head in enumerate(("part", "gene", "choices"))
        ]
    )


def _spreads(costs: SampleCosts) -> FittedTable:
    heads = (f"of {costs.samples:,} random architectures", "smallest", "median", "largest")
    return table_of_rows(heads, [_cells(spread) for spread in costs.spreads])


def _cells(spread: Spread) -> list[str]:
    return [spread.name, *(si(value) for value in (spread.smallest, spread.median, spread.largest))]


def _print_limits(console: Console, found: Description) -> None:
    costs = found.costs
    if costs.shares:
        console.print(FittedText("What the limits leave of them, as far as it is known before training:"))
        pad = min(32, console.width // 2)
        for share in costs.shares:
            console.print(FittedText(f"  {share.limit:<{pad}} {_share(share)}"))
        if len(costs.shares) > 1:
            console.print(FittedText(f"  {'all of them':<{pad}} {percent(costs.left, 1)}"))
    later = [name for name in found.config.constraints if not metric_of(name).is_exact]
    if later:
        names = " and ".join(metric_name(name) for name in later)
        console.print(FittedText(f"Known only after training: {names}."))
    if found.warning:
        console.print(FittedText(f"Warning: {found.warning}", "yellow"), soft_wrap=True)
    for note in found.notes:
        console.print(FittedText(f"Note: {note}", "yellow"), soft_wrap=True)


def _share(share: Share) -> str:
    most = "" if share.is_exact else "at most "
    return f"{most}{percent(share.share, 1)}"


def _count(number: int) -> str:
    return f"{number:,}" if len(str(number)) <= EXACT_DIGITS else f"about {_scientific(number)}"


def _scientific(number: int) -> str:
    """Return ``1.23e45``, for numbers that no float holds, too."""
    digits = str(number)
    return f"{digits[0]}.{digits[1:3]}e{len(digits) - 1}"
