"""What a search-space file spans, what that costs, and what its limits leave of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from aebnas.config import SearchFile
from aebnas.config.sections.evaluation import unread_options
from aebnas.config.sections.fidelities.plan import short_plan
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.data.checks.duplicates import TEST
from aebnas.data.checks.metadata import DataMetadata
from aebnas.data.splits import NAMES
from aebnas.evaluation.plan import Plan, plan_of
from aebnas.runs.formatting import metric_name, percent
from aebnas.search.sample_costs import SampleCosts
from aebnas.search.unread_code import UNCHECKED, not_loaded, unread_names
from aebnas.space.api import SearchSpace
from aebnas.task.metrics.table import metric_of

FEW = 0.01
"""Share of the samples below which the limits deserve a warning."""


@dataclass(frozen=True)
class Description:
    """All that is known of a search-space file before anything is trained."""

    config: SearchFile
    space: SearchSpace
    data: DataMetadata
    genomes: int
    """Of the space, those included that lead to the same architecture."""
    architectures: int
    """Distinct ones."""
    costs: SampleCosts
    """Of random architectures."""
    weight_notes: tuple[str, ...] = ()
    """What is to be known of the weights that candidates begin with."""

    @property
    def source(self) -> str:
        """Return where the images come from."""
        return str(self.config.data.name or self.config.data.folder or self.config.data.npz)

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
        config, notes = self.config, [*self.data.notes, *self.space.notes, *self.weight_notes]
        if self.code_not_loaded:
            cure = "aebnas check FILE --allow-code"
            notes.append(f"{not_loaded(self.code_not_loaded)}. If you wrote or have read it: {cure}")
        inherits = self.plan.shares_weights
        if not inherits and config.supernet != SupernetConfig():
            notes.append(
                "section supernet: only the fidelity inherited and aebnas supernet read it; "
                f"evaluation.fidelities is {short_plan(config.evaluation.fidelities)}."
            )
        unread = unread_options(config.evaluation)
        if unread:
            notes.append(f"section evaluation: nothing reads {', '.join(unread)}.")
        learned = [name for name in config.constraints if metric_of(name).is_learned]
        if inherits and learned:
            names = " and ".join(map(metric_name, learned))
            notes.append(
                f"limits on {names} are held against what candidates inherit, less than training gives."
            )
        return notes

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; counts are exact however long."""
        return {
            "name": self.config.name,
            "data": {
                "source": self.source,
                "shape": self.data.shape,
                "classes": len(self.data.classes),
            },
            "images": dict(zip((*NAMES, TEST), self.data.counts, strict=True)),
            "images_read": self.data.duplicates is not None,
            "duplicates": None if self.data.duplicates is None else self.data.duplicates.to_dict(),
            "data_warnings": self.data.warnings,
            "genes": [asdict(gene) for gene in self.space.genes],
            "genomes": self.genomes,
            "architectures": self.architectures,
            "cut_places": [asdict(place) for place in self.space.cut_places()],
            **asdict(self.costs),
            "fidelities": [
                {
                    "name": fidelity.name,
                    "epochs": fidelity.epochs,
                    "keep": None if fidelity.keep is None else str(fidelity.keep),
                }
                for fidelity in self.plan.fidelities
            ],
            "code_not_loaded": self.code_not_loaded,
            "not_checked": [UNCHECKED] if self.code_not_loaded else [],
            "warning": self.warning,
            "notes": self.notes,
        }
