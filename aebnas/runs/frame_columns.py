"""The columns of a run's frame and their types, which an empty run has too.  Must not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aebnas.errors import AebnasError
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import FINAL
from aebnas.runs.kept_profiles import FOLDER
from aebnas.space.genes import BUDGET_FRACTION, SETTING, Gene
from aebnas.task.metrics.table import EVERYWHERE

POINT_GENES = (BUDGET_FRACTION, SETTING)
"""Genes that are no part of an architecture: every point has its own."""


def column_kinds(run: RunContents, positions: Mapping[str, Gene]) -> dict[str, str]:
    """Return the columns of a run's frame in their order, each with its type.

    Args:
        run: With or without candidates.
        positions: Of its search space, by name.
    """
    exits = run.space.exit_positions
    genes = [gene for gene in positions.values() if gene.name not in POINT_GENES and len(gene.choices) > 1]
    return {
        **dict.fromkeys(("key", "status", "reason"), "str"),
        **dict.fromkeys(("on_front", "is_feasible"), "bool"),
        "budget_fraction": "float64",
        "exit_policy": "str",
        **dict.fromkeys((*EVERYWHERE, *run.config.measured, *_device_quantities(run)), "float64"),
        **{f"exit_rate[{name}]": "float64" for name in (*exits, FINAL)},
        "epochs": "int64",
        **dict.fromkeys(("seconds", "cpu_seconds"), "float64"),
        **{f"gene[{gene.name}]": _kind(gene.choices) for gene in genes},
    }


def _device_quantities(run: RunContents) -> Iterator[str]:
    """Yield what the run's hardware profiles tell, as ``Evaluation.metrics`` names it."""
    for name in run.config.profiles:
        for quantity in ("latency_ms", *(["energy_mj"] if _has_energy(run, name) else [])):
            for full in (f"{quantity}@{name}", *([quantity] if len(run.config.profiles) == 1 else [])):
                yield from (full, f"worst_{full}")


def _has_energy(run: RunContents, name: str) -> bool:
    """Return whether the run's copy of a profile tells energies; not, where it cannot be read."""
    try:
        return all(
            profile.has_energy for profile in DeviceCosts.read([run.path / FOLDER / f"{name}.yaml"]).profiles
        )
    except AebnasError:
        return False


def _kind(choices: tuple[Any, ...]) -> str:
    """Return the type of a gene's column."""
    for kind, name in ((bool, "bool"), (int, "int64"), ((int, float), "float64")):
        if all(isinstance(choice, kind) for choice in choices):
            return name
    return "str"
