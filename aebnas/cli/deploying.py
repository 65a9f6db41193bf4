"""``aebnas export`` and ``aebnas bench``: from a checkpoint to the device."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from aebnas.cli.consoles import results_console

if TYPE_CHECKING:
    from aebnas.deploy.bench import Bench, Result
    from aebnas.deploy.export import Exported

MIB = 1 << 20


def export(arguments: argparse.Namespace) -> int:
    """Export a checkpoint."""
    from aebnas.deploy.staging import refuse_existing

    checkpoint, folder = Path(arguments.checkpoint), Path(arguments.folder)
    refuse_existing(folder, arguments.force)  # before torch is imported and data are read
    from aebnas.deploy.export import export as write
    from aebnas.report.markup import finite

    def tell(text: str) -> None:
        if not arguments.json:
            print(f"{text} ...", file=sys.stderr)

    exported = write(
        checkpoint,
        folder,
        int8=arguments.int8,
        samples=arguments.samples,
        force=arguments.force,
        tell=tell,
        data=None if arguments.data is None else Path(arguments.data),
    )
    if arguments.json:
        print(json.dumps(finite(_export_fields(exported)), allow_nan=False))
    else:
        _show_export(exported)
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure an exported network with and without early exits."""
    from aebnas.cli.running import image_files
    from aebnas.deploy.bench import bench as measure

    files = [path for given in arguments.images for path in image_files(Path(given))]
    found = measure(
        Path(arguments.folder),
        images=files,
        static=None if arguments.static is None else Path(arguments.static),
        hardware=None if arguments.hardware is None else Path(arguments.hardware),
        rounds=arguments.rounds,
        threads=arguments.threads,
    )
    if arguments.json:
        print(json.dumps(asdict(found), allow_nan=False))
    else:
        _show_bench(found)
    return 0


def _export_fields(exported: Exported) -> dict[str, object]:
    parity = exported.manifest.parity
    return {
        "folder": str(exported.folder),
        "key": exported.manifest.key,
        "parity": None if parity is None else parity.model_dump(),
        "variants": [asdict(one) for one in exported.variants],
    }


def _show_export(exported: Exported) -> None:
    console = results_console()
    parity = exported.manifest.parity
    if parity is not None:
        console.print(
            f"Held against torch on {parity.images} calibrate images, all exits: "
            f"largest difference of a logit {parity.max_difference:.2g}"
        )
    table = Table(box=None, pad_edge=False)
    for heading in ("", "graphs", "accuracy (select)", "last exit (unseen)", "mean MACs", "ms per image"):
        table.add_column(heading, justify="left" if not heading else "right")
    for one in exported.variants:
        table.add_row(
            one.precision,
            f"{one.size / MIB:.3f} MiB",
            f"{one.select.accuracy:.2%}",
            f"{one.clean_accuracy:.2%}",
            f"{one.select.macs:,.0f}",
            f"{one.ms:.4f}",
        )
    console.print(table, soft_wrap=False)
    console.print("`aebnas train` trains on select: compare these accuracies with each other alone. "
                  f"Unseen: {exported.variants[0].clean_images} calibrate images.")  # fmt: skip
    folder = shlex.quote(str(exported.folder))
    console.print(
        f"{exported.folder} is ready. Run it: aebnas run {folder} IMAGE   Measure it: aebnas bench {folder}"
    )


def _show_bench(found: Bench) -> None:
    console = results_console()
    console.print(
        f"{found.images} {found.source}, {found.rounds} rounds by turns, batch 1, threads {found.threads}; "
        "milliseconds from prepared input to answer"
    )
    table = Table(box=None, pad_edge=False)
    for heading in (
        "",
        "mean",
        "median",
        "p95",
        "p99",
        "all calls",
        "predicted",
        "/ predicted",
        "accuracy",
        "images/s",
    ):
        table.add_column(heading, justify="left" if not heading else "right")
    for one in found.results:
        table.add_row(one.name, *_cells(one))
    console.print(table, soft_wrap=False)
    early = found.results[0]
    rates = ", ".join(f"{rate:.1%}" for rate in early.exit_rates)
    console.print(
        f"Left at each exit: {rates}. mean: over images, of each image's median over the rounds; all calls: "
        "the mean of every call, with what other processes took. images/s: in batches, of which who has left "
        "is dropped."
    )
    for other in found.results[1:]:
        console.print(f"{early.name} / {other.name}: {early.mean_ms / other.mean_ms:.3f} of the mean time")
    console.print(
        f"Resizing and normalising one image takes {found.prepare_ms:.4f} ms more, with every contender."
    )
    if found.level is not None:
        console.print(
            f"The machine takes {found.level:.3f} times as long now (anchor network) as when the profile was "
            "made; predictions are brought to this level."
        )
    if found.unchanged is not None:
        console.print(
            "The exit policy was fitted on calibrate: `aebnas evaluate` has the accuracy on unseen images."
        )
    if found.unchanged is not None and found.unchanged < 1:
        console.print(
            f"Class and exit are those of the export for {found.unchanged:.2%} of the stored images only."
        )


def _cells(one: Result) -> list[str]:
    times = [f"{ms:.4f}" for ms in (one.mean_ms, one.median_ms, one.p95_ms, one.p99_ms, one.all_calls_ms)]
    predicted = "" if one.predicted_ms is None else f"{one.predicted_ms:.4f}"
    ratio = "" if one.predicted_ms is None else f"{one.mean_ms / one.predicted_ms:.3f}"
    accuracy = "" if one.accuracy is None else f"{one.accuracy:.2%}"
    return [*times, predicted, ratio, accuracy, f"{one.images_per_second:,.0f}"]
