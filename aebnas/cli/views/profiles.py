"""What ``aebnas profile`` shows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from aebnas.cli.views.consoles import results_console
from aebnas.terminal.bars import FittedProgress
from aebnas.terminal.fitting import FittedText
from aebnas.terminal.tables import FittedColumn, FittedTable

if TYPE_CHECKING:
    from aebnas.hardware.measure.revalidation import Revalidation
    from aebnas.hardware.profile.profile import HardwareProfile
    from aebnas.hardware.profile.profile_schema import Agreement
    from aebnas.hardware.profile.provenance import ProfileListener

STAGES = {
    "layers": "measuring layers",
    "energies": "measuring energies",
    "networks": "building networks",
    "rounds": "measuring networks (rounds)",
}


@contextmanager
def progress(as_json: bool) -> Iterator[ProfileListener]:
    """Show a bar with the time left on a terminal, a line per stage elsewhere, objects as JSON."""
    console = Console(stderr=True, highlight=False)
    if as_json:
        yield _every(5.0, lambda stage, done, total: print(
            json.dumps({"event": "progress", "stage": stage, "done": done, "total": total}), flush=True
        ))  # fmt: skip
        return
    if not console.is_terminal:
        yield _every(10.0, lambda stage, done, total: print(
            f"{STAGES[stage]}: {done:,} of {total:,}", file=sys.stderr, flush=True
        ))  # fmt: skip
        return
    with FittedProgress(console) as bar:
        tasks: dict[str, Any] = {}

        def listen(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(STAGES[stage], total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield listen


def _every(seconds: float, tell: ProfileListener) -> ProfileListener:
    """Return a listener that passes on the beginning and end of a stage, and else one call per interval."""
    last: dict[str, float] = {}

    def listen(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage not in last or done == total or now - last[stage] >= seconds:
            last[stage] = now
            tell(stage, done, total)

    return listen


def show_profile(made: HardwareProfile, path: Path, as_json: bool) -> None:
    """Print what was measured and how well it predicts networks."""
    metadata = made.metadata
    if as_json:
        print(json.dumps({"event": "profile", "path": str(path), **metadata.model_dump(mode="json")}))
        return
    console = results_console()
    console.print(f"{metadata.device.name}: {metadata.target}")
    text = f"{metadata.rows:,} layers; anchor {metadata.anchor_ms:.4f} ms; from layers to networks: "
    console.print(FittedText(f"{text}fitted on {metadata.correction.networks} networks"))
    for validation in metadata.validation:
        table = agreement_table(
            f"{validation.space}: networks that the fit has not seen", validation.agreement
        )
        console.print(table, soft_wrap=False)
    for warning in warnings_of(made):
        console.print(FittedText(f"note: {warning}"))
    console.print(str(path), style="bold")


def warnings_of(made: HardwareProfile) -> list[str]:
    """Return what a user of the profile should know."""
    conditions, energy = made.metadata.conditions, made.metadata.energy
    warnings = [f"the device lowered its clocks: {reason}" for reason in conditions.throttled]
    if conditions.strangers:
        warnings.append(f"other processes used the GPU: {', '.join(conditions.strangers)}")
    if conditions.marked_rows:
        warnings.append(
            f"{conditions.marked_rows:,} layers were measured on a disturbed device, and are marked"
        )
    unstable = sum(row.note == "unstable" for row in made.rows.values())
    if unstable:
        warnings.append(f"{unstable:,} layers never became stable, and are marked")
    if conditions.unknown:
        warnings.append(f"this device does not tell: {', '.join(conditions.unknown)}")
    if energy.source is None:
        warnings.append(f"no energies: {energy.note}")
    return warnings


def agreement_table(title: str, rows: Sequence[Agreement]) -> FittedTable:
    """Return predicted against measured times as a table."""
    heads = ("time to exit", "networks", "MAPE", "bias", "tau", "noise MAPE", "noise tau", "MACs' tau")
    cells = [
        (
            str(row.exit),
            str(row.networks),
            f"{row.mape:.2%}",
            f"{row.bias:+.2%}",
            _tau(row.tau),
            f"{row.noise_mape:.2%}",
            _tau(row.noise_tau),
            _tau(row.macs_tau),
        )
        for row in rows
    ]
    columns = [FittedColumn(head, tuple(row[i] for row in cells)) for i, head in enumerate(heads)]
    return FittedTable(columns, title, least_first=("MACs' tau", "noise tau", "noise MAPE"))


def _tau(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def show_revalidation(revalidation: Revalidation, path: Path, as_json: bool) -> None:
    """Print whether a profile still holds."""
    complaints = revalidation.complaints()
    if as_json:
        print(json.dumps(_revalidation_dict(revalidation, complaints)))
        return
    console = results_console()
    for line in _validation_lines(revalidation, complaints):
        console.print(FittedText(line))
    cure = f"Measure anew: aebnas profile SPACE.yaml --again -o {path}"
    console.print(cure if complaints else f"{path} holds on this device")


def _validation_lines(revalidation: Revalidation, complaints: list[str]) -> Iterator[str]:
    yield f"level now / then: {revalidation.level:.3f} (taken out of the errors below)"
    for space, now in revalidation.spaces.items():
        yield (
            f"{space}: MAPE {now.mape:.2%} now, {revalidation.then[space].mape:.2%} then; "
            f"tau {_tau(now.tau)} now, {_tau(revalidation.then[space].tau)} then"
        )
    for disturbance in revalidation.disturbances():
        yield f"note: {disturbance} meanwhile"
    for complaint in complaints:
        yield f"does not hold: {complaint}"


def _revalidation_dict(revalidation: Revalidation, complaints: list[str]) -> dict[str, Any]:
    return {
        "event": "validation",
        "level": revalidation.level,
        "spaces": {
            space: agreement.model_dump(mode="json") for space, agreement in revalidation.spaces.items()
        },
        "holds": not complaints,
        "complaints": complaints,
        "disturbances": revalidation.disturbances(),
        "conditions": revalidation.conditions.model_dump(mode="json"),
    }
