"""``aebnas check``: what a file spans, what that costs, what its limits leave."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from aebnas.cli.costs import SampleCosts, Share, Spread, sample_costs
from aebnas.cli.gene_rows import gene_rows
from aebnas.cli.json_lines import write
from aebnas.config import SearchFile
from aebnas.config.constraints import EXPECTED
from aebnas.config.evaluation_schema import unread_options
from aebnas.config.supernet_schema import SupernetConfig
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.device_costs import DeviceCosts
from aebnas.report.words import count, metric_name, percent, si
from aebnas.search.session import space_of
from aebnas.space.api import SearchSpace
from aebnas.task.task import Task

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
    shape: tuple[int, int, int]
    classes: int
    genomes: int
    architectures: int
    costs: SampleCosts

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
        """Return what a person might not expect of the way in which candidates get their weights."""
        config, found = self.config, list[str]()
        inherits = config.evaluation.mode == "supernet"
        if not inherits and config.supernet != SupernetConfig():
            found.append(
                "section supernet: only evaluation.mode: supernet and aebnas supernet read it; mode is "
                f"{config.evaluation.mode}."
            )
        unread = unread_options(config.evaluation)
        if unread:
            found.append(f"section evaluation: nothing reads {', '.join(unread)}.")
        if inherits and {"accuracy", "error"} & set(config.constraints):
            found.append(
                "limits on accuracy are held against what candidates inherit, less than training gives."
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
        ConfigError: A hardware profile is wrong.
        DataError: ``data.folder`` or ``data.npz`` cannot be read.
        HardwareError: A profile lacks a layer of the space, or energies.
        RunError: ``supernet.file`` is of something else, unfinished, or cannot be read.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH

    def progress(numbers: Iterable[int]) -> Iterable[int]:
        if json or not console.is_terminal:
            return numbers
        from rich.progress import track

        return track(numbers, "costing random architectures", total=samples, console=console, transient=True)

    shape, classes = shape_and_classes(config.data)
    space, task = space_of(config, shape), Task.of_images(shape, classes)
    devices = DeviceCosts.of_file(config, space, task)
    costs = sample_costs(config, space, task, samples, progress, devices)
    counts = (math.prod(space.cardinalities), space.count())
    found = Description(config, space, shape, classes, *counts, costs)
    if config.evaluation.mode == "supernet" and config.supernet.file is not None:
        from aebnas.supernet.preparation import check_given  # imports torch

        check_given(config, None)
    if json:
        write(as_dict(found, file))
    else:
        _print(console, found, file)


def as_dict(found: Description, file: str) -> dict[str, Any]:
    """Return the description as plain values; counts are exact however long."""
    return {
        "file": file,
        "name": found.config.name,
        "data": {"source": source(found.config), "shape": found.shape, "classes": found.classes},
        "genes": [asdict(gene) for gene in found.space.genes],
        "genomes": found.genomes,
        "architectures": found.architectures,
        **asdict(found.costs),
        "warning": found.warning,
        "notes": found.notes,
    }


def source(config: SearchFile) -> str:
    """Return where the images come from."""
    return str(config.data.name or config.data.folder or config.data.npz)


def _print(console: Console, found: Description, file: str) -> None:
    height, width, channels = found.shape
    console.print(
        f"{file} is valid: {found.config.name}, {source(found.config)} "
        f"({height} x {width} x {channels}, {count(found.classes, 'class', 'classes')})",
        soft_wrap=True,
    )
    console.print(_genes(found.space))
    console.print(
        f"{count(len(found.space.genes), 'gene')}, {_count(found.genomes)} genomes, "
        f"{_count(found.architectures)} distinct architectures"
    )
    console.print()
    console.print(_spreads(found.costs))
    _print_limits(console, found)
    console.print(f"Search it: aebnas search {shlex.quote(file)}", soft_wrap=True)


def _genes(space: SearchSpace) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("part", "gene", "choices"):
        table.add_column(name, overflow="fold")
    before = None
    for row in gene_rows(space.genes):
        table.add_row(row.group if row.group != before else "", row.name, row.choices)
        before = row.group
    if before is None:
        table.add_row("", "none: the file fixes a single architecture", "")
    return table


def _spreads(costs: SampleCosts) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"of {costs.samples:,} random architectures")
    for name in ("smallest", "median", "largest"):
        table.add_column(name, justify="right", no_wrap=True)
    for spread in costs.spreads:
        table.add_row(*_cells(spread))
    return table


def _cells(spread: Spread) -> list[str]:
    return [spread.name, *(si(value) for value in (spread.smallest, spread.median, spread.largest))]


def _print_limits(console: Console, found: Description) -> None:
    costs = found.costs
    if costs.shares:
        console.print("What the limits leave of them, as far as it is known before training:")
        for share in costs.shares:
            console.print(f"  {share.limit:<32} {_share(share)}")
        if len(costs.shares) > 1:
            console.print(f"  {'all of them':<32} {percent(costs.left, 1)}")
    later = [
        name
        for name in found.config.constraints
        if name.partition("@")[0] in ("accuracy", "error", *EXPECTED)
    ]
    if later:
        names = " and ".join(metric_name(name) for name in later)
        console.print(f"Known only after training: {names}.")
    if found.warning:
        console.print(f"Warning: {found.warning}", style="yellow", soft_wrap=True)
    for note in found.notes:
        console.print(f"Note: {note}", style="yellow", soft_wrap=True)


def _share(share: Share) -> str:
    most = "" if share.is_exact else "at most "
    return f"{most}{percent(share.share, 1)}"


def _count(number: int) -> str:
    return f"{number:,}" if len(str(number)) <= EXACT_DIGITS else f"about {_scientific(number)}"


def _scientific(number: int) -> str:
    """Return ``1.23e45``, for numbers that no float holds, too."""
    digits = str(number)
    return f"{digits[0]}.{digits[1:3]}e{len(digits) - 1}"
