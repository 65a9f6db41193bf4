"""``aebnas check``: what a file spans, what that costs, what its limits leave."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rich.console import Console

from aebnas.api.files import check_file
from aebnas.cli.views.gene_rows import gene_rows
from aebnas.cli.views.json_lines import write
from aebnas.data.checks.duplicates import TEST
from aebnas.data.splits import NAMES
from aebnas.evaluation.settings import candidate_settings
from aebnas.report.text.training_formatting import format_training
from aebnas.runs.formatting import count, metric_name, percent, si
from aebnas.search.description import Description
from aebnas.search.sample_costs import AdmittedShare, SampleCosts, Spread
from aebnas.space.api import CutPlace, SearchSpace
from aebnas.task.input_size import size_of
from aebnas.task.metrics.table import metric_of
from aebnas.terminal.fitting import FittedText
from aebnas.terminal.tables import FittedColumn, FittedTable, table_of_rows

PIPE_WIDTH = 110
EXACT_DIGITS = 12
"""Longer counts are rounded."""


def describe(file: str, overrides: Sequence[str], samples: int, json: bool = False) -> None:
    """Print what a valid file spans.

    Args:
        file: Its path.
        overrides: Settings that replace the file's values.
        samples: Random architectures to cost.
        json: Print one JSON object instead.

    Raises:
        ConfigError, DataError, HardwareError, RunError: As of ``check_file``.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH

    def track(numbers: Iterable[int]) -> Iterable[int]:
        if json or not console.is_terminal:
            return numbers
        return _counted(numbers, samples, console)

    description = check_file(file, overrides, samples=samples, track=track)
    if json:
        write({"file": file, **description.to_dict()})
    else:
        _print(console, description, file)


def _print(console: Console, description: Description, file: str) -> None:
    height, width, channels = description.data.shape
    console.print(
        f"{file} is valid: {description.config.name}, {description.source} "
        f"({height} x {width} x {channels}, {count(len(description.data.classes), 'class', 'classes')})",
        soft_wrap=True,
    )
    console.print(_images(description), soft_wrap=True)
    for warning in description.data.warnings:
        console.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    _print_places(console, description.space)
    console.print(_genes(description.space))
    genomes = f"{count(len(description.space.genes), 'gene')}, {_count(description.genomes)} genomes"
    console.print(FittedText(f"{genomes}, {_count(description.architectures)} distinct architectures"))
    console.print()
    console.print(_spreads(description.costs))
    _print_limits(console, description)
    training, further = format_training(candidate_settings(description.config))
    console.print(f"Candidates: {training}{f'; {further}' if further else ''}", soft_wrap=True)
    console.print(f"Search it: aebnas search {shlex.quote(file)}", soft_wrap=True)


def _images(description: Description) -> str:
    """Return how many images each split has, and whether the images themselves were looked at."""
    counts = ", ".join(
        f"{number:,} {name}" for name, number in zip((*NAMES, TEST), description.data.counts, strict=True)
    )
    read = "were read" if description.data.duplicates else "are known by published numbers, not read"
    return f"Images: {counts}; they {read}"


def _counted(numbers: Iterable[int], total: int, console: Console) -> Iterator[int]:
    """Yield numbers under a bar that is gone afterwards."""
    from aebnas.terminal.bars import FittedProgress

    with FittedProgress(console, transient=True) as bar:
        yield from bar.track(numbers, total, description="costing random architectures")


def _print_places(console: Console, space: SearchSpace) -> None:
    """Print where given networks may get exits or end, each at its largest resolution."""
    places = space.cut_places()
    for network in dict.fromkeys(place.network for place in places):
        _print_network(console, network, [place for place in places if place.network == network])


def _print_network(console: Console, network: str, places: Sequence[CutPlace]) -> None:
    largest = max(place.macs for place in places)
    size = next(place.resolution for place in places if place.macs == largest)
    at_size = [place for place in places if place.resolution == size]
    shown = [place for place in at_size if place.may_have_exit or place.may_be_end]
    heads = (f"{network} behind".strip(), "may be", "MACs", "share", "features", "cache KB")
    rows = [
        (
            place.name,
            " or ".join(["exit"] * place.may_have_exit + ["end"] * place.may_be_end),
            si(place.macs),
            percent(place.share),
            " x ".join(map(str, place.features)),
            f"{place.cached_bytes / 1e3:,.1f}",
        )
        for place in shown
    ]
    table = table_of_rows(heads, rows or [("nowhere", "", "", "", "", "")])
    pixels = " x ".join(map(str, size_of(size)))
    legend = {
        "MACs": f"MACs: until there, of one image of {pixels} pixels",
        "share": "share: of the whole network's",
        "cache KB": "cache KB: what the features of one image take on disk",
    }
    console.print(replace(table, legend=legend, least_first=("cache KB", "features")))
    places_in_all = f"{network or 'It'} can be cut at {count(len(at_size), 'place')}"
    console.print(FittedText(f"{places_in_all}; all of them: aebnas check FILE --json"))


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


def _print_limits(console: Console, description: Description) -> None:
    costs = description.costs
    if costs.shares:
        console.print(FittedText("What the limits leave of them, as far as it is known before training:"))
        pad = min(32, console.width // 2)
        for share in costs.shares:
            console.print(FittedText(f"  {share.limit:<{pad}} {_share(share)}"))
        if len(costs.shares) > 1:
            console.print(FittedText(f"  {'all of them':<{pad}} {percent(costs.left, 1)}"))
    later = [name for name in description.config.constraints if not metric_of(name).is_exact]
    if later:
        names = " and ".join(metric_name(name) for name in later)
        console.print(FittedText(f"Known only after training: {names}."))
    if description.warning:
        console.print(FittedText(f"Warning: {description.warning}", "yellow"), soft_wrap=True)
    for note in description.notes:
        console.print(FittedText(f"Note: {note}", "yellow"), soft_wrap=True)


def _share(share: AdmittedShare) -> str:
    most = "" if share.is_exact else "at most "
    return f"{most}{percent(share.share, 1)}"


def _count(number: int) -> str:
    return f"{number:,}" if len(str(number)) <= EXACT_DIGITS else f"about {_scientific(number)}"


def _scientific(number: int) -> str:
    """Return ``1.23e45``, for numbers that no float holds, too."""
    digits = str(number)
    return f"{digits[0]}.{digits[1:3]}e{len(digits) - 1}"
