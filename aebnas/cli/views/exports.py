"""What ``aebnas export`` and ``aebnas bench`` print."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from aebnas.cli.views.consoles import results_console
from aebnas.terminal.fitting import FittedText
from aebnas.terminal.tables import FittedTable, table_of_rows

if TYPE_CHECKING:
    from aebnas.deploy.bench import Bench, Result
    from aebnas.deploy.exporting.export import Exported

MIB = 1 << 20


def export_fields(exported: Exported) -> dict[str, object]:
    """Return an export as plain values."""
    parity = exported.manifest.parity
    return {
        "folder": str(exported.folder),
        "key": exported.manifest.key,
        "parity": None if parity is None else parity.model_dump(),
        "variants": [asdict(variant) for variant in exported.variants],
    }


def show_export(exported: Exported) -> None:
    """Print what was written, and what to do with it."""
    console = results_console()
    parity = exported.manifest.parity
    if parity is not None:
        text = f"Held against torch on {parity.images} calibrate images, all exits: "
        console.print(FittedText(f"{text}largest difference of a logit {parity.max_difference:.2g}"))
    console.print(variants_table(exported), soft_wrap=False)
    folder = shlex.quote(str(exported.folder))
    console.print(
        f"{exported.folder} is ready. Run it: aebnas run {folder} IMAGE   Measure it: aebnas bench {folder}"
    )


def variants_table(exported: Exported) -> FittedTable:
    """Return one row per precision of an export."""
    heads = ("", "graphs", "accuracy (select)", "last exit (unseen)", "mean MACs", "ms per image")
    rows = [
        (
            variant.precision,
            f"{variant.size / MIB:.3f} MiB",
            f"{variant.select.accuracy:.2%}",
            f"{variant.clean_accuracy:.2%}",
            f"{variant.select.macs:,.0f}",
            f"{variant.ms:.4f}",
        )
        for variant in exported.variants
    ]
    caption = (
        "`aebnas train` trains on select: compare these accuracies with each other alone. "
        f"Unseen: {exported.variants[0].clean_images} calibrate images."
    )
    return table_of_rows(heads, rows, caption=caption)


def show_bench(measured: Bench) -> None:
    """Print what was measured."""
    console = results_console()
    text = f"{measured.images} {measured.source}, {measured.rounds} rounds by turns, batch 1, "
    text += f"threads {measured.threads}; milliseconds from prepared input to answer"
    console.print(FittedText(text))
    console.print(bench_table(measured), soft_wrap=False)
    for line in _bench_notes(measured):
        console.print(FittedText(line))


def bench_table(measured: Bench) -> FittedTable:
    """Return one row per network."""
    heads = (
        "", "mean", "median", "p95", "p99", "all calls", "predicted", "/ predicted", "accuracy", "images/s",
    )  # fmt: skip
    rows = [(result.name, *_cells(result)) for result in measured.results]
    return table_of_rows(heads, rows, least_first=("p99", "p95", "/ predicted", "all calls"))


def _bench_notes(measured: Bench) -> Iterator[str]:
    early = measured.results[0]
    rates = ", ".join(f"{rate:.1%}" for rate in early.exit_rates)
    yield (
        f"Left at each exit: {rates}. mean: over images, of each image's median over the rounds; all calls: "
        "the mean of every call, with what other processes took. images/s: in batches, of which who has left "
        "is dropped."
    )
    for other in measured.results[1:]:
        yield f"{early.name} / {other.name}: {early.mean_ms / other.mean_ms:.3f} of the mean time"
    yield f"Resizing and normalising one image takes {measured.prepare_ms:.4f} ms more, with every network."
    if measured.level is not None:
        yield (
            f"The machine takes {measured.level:.3f} times as long now (anchor network) as when the profile "
            "was made; predictions are brought to this level."
        )
    if measured.unchanged is not None:
        yield "The exit policy was fitted on calibrate: `aebnas evaluate` has the accuracy on unseen images."
    if measured.unchanged is not None and measured.unchanged < 1:
        share = f"{measured.unchanged:.2%} of the stored images"
        yield f"Class and exit are those of the export for {share} only."


def _cells(result: Result) -> list[str]:
    times = [
        f"{ms:.4f}"
        for ms in (result.mean_ms, result.median_ms, result.p95_ms, result.p99_ms, result.all_calls_ms)
    ]
    predicted = "" if result.predicted_ms is None else f"{result.predicted_ms:.4f}"
    ratio = "" if result.predicted_ms is None else f"{result.mean_ms / result.predicted_ms:.3f}"
    accuracy = "" if result.accuracy is None else f"{result.accuracy:.2%}"
    return [*times, predicted, ratio, accuracy, f"{result.images_per_second:,.0f}"]
