"""Which choices the front prefers: the share of every value on the front and everywhere.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ConfigError
from aebnas.runs.contents import RunContents
from aebnas.space.drawing import format_size
from aebnas.space.genes import ABSENT, BUDGET_FRACTION, Gene
from aebnas.space.spaces import make_space

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class GeneShares:
    """One gene's choices, counted among networks in which it does something."""

    name: str
    choices: tuple[str, ...]
    front: tuple[int, ...]
    """Networks of the front per choice; points of the front for ``budget_fraction``."""
    everywhere: tuple[int, ...]
    """Finished candidates per choice, also those of the front; operating points for ``budget_fraction``."""

    @property
    def preference(self) -> float:
        """Return how far the two distributions are apart: 0 equal, 1 disjoint (total variation)."""
        front, everywhere = np.array(self.front, float), np.array(self.everywhere, float)
        if not front.sum() or not everywhere.sum():
            return 0.0
        return float(np.abs(front / front.sum() - everywhere / everywhere.sum()).sum() / 2)


def gene_shares(run: RunContents) -> tuple[GeneShares, ...]:
    """Return every gene that was free and acted somewhere, the strongest preference first.

    Empty without a front, or where the candidates do not fit the run's space.
    """
    shape = run.metadata["image_shape"]
    if not run.front or shape is None:
        return ()
    space = make_space(
        run.config.space, TensorSpec(shape[-1], tuple(shape[:-1])), run.config.search.budget_fractions
    )
    try:
        values = {evaluation.key: space.active_genes(evaluation.architecture) for evaluation in run.done}
    except ConfigError:
        return ()
    genes = [gene for gene in space.genes if gene.name != BUDGET_FRACTION]
    shares = [_shares(gene, values, run.front_keys) for gene in genes]
    budget_fraction = next((gene for gene in space.genes if gene.name == BUDGET_FRACTION), None)
    if budget_fraction is not None:
        shares.append(_budget_fractions(budget_fraction, run))
    acting = [gene_share for gene_share in shares if sum(gene_share.everywhere)]
    return tuple(sorted(acting, key=lambda gene_share: -gene_share.preference))


def _shares(gene: Gene, values: Mapping[str, Mapping[str, int]], front: Sequence[str]) -> GeneShares:
    everywhere, on_front = _zeros(gene), _zeros(gene)
    for key, indices in values.items():
        if gene.name in indices:
            everywhere[indices[gene.name]] += 1
            on_front[indices[gene.name]] += key in front
    return _counted(gene, on_front, everywhere)


def _budget_fractions(gene: Gene, run: RunContents) -> GeneShares:
    everywhere, on_front = _zeros(gene), _zeros(gene)
    for points, counts in ((run.points, everywhere), (run.front, on_front)):
        for point in points:
            counts[gene.choices.index(point.budget_fraction)] += 1
    return _counted(gene, on_front, everywhere)


def _zeros(gene: Gene) -> Counts:
    return np.zeros(len(gene.choices), np.int64)


def _counted(gene: Gene, front: Counts, everywhere: Counts) -> GeneShares:
    choices = tuple(_word(gene, choice) for choice in gene.choices)
    return GeneShares(gene.name, choices, tuple(front.tolist()), tuple(everywhere.tolist()))


def _word(gene: Gene, choice: object) -> str:
    if gene.name.endswith(".modules") and choice == ABSENT:
        return "no exit"
    if isinstance(choice, bool):
        return "yes" if choice else "no"
    if isinstance(choice, tuple):
        return format_size(choice)
    return f"{choice:g}" if isinstance(choice, float) else str(choice)
