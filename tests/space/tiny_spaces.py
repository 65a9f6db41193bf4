"""Small search spaces for tests: hand-made ones, and a hypothesis strategy for any."""

import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from aebnas.config.sections.space import SpaceConfig
from aebnas.space.genes import BUDGET_FRACTION, Genome
from aebnas.space.search_space import StagedSpace

RESIDUAL = {"depth": 1, "width": 8, "block": {"type": "residual"}}


def space(pixels: int = 16, /, budget_fractions: tuple[float, ...] = (1.0,), **section: Any) -> StagedSpace:
    """A search space from a ``space:`` section as YAML gives it; two plain stages where none are given."""
    section.setdefault("stages", [RESIDUAL, RESIDUAL])
    return StagedSpace(SpaceConfig.model_validate(section), pixels, budget_fractions)


def branch_space(pixels: int = 16, /, modules: Any = 1, optional: bool = False, **module: Any) -> StagedSpace:
    """A space whose only genes are those of one exit branch."""
    exits = {"after": ["stage1"], "optional": optional, "branch": {"modules": modules, "module": module}}
    return space(pixels, exits=exits)


def genome(space: StagedSpace, **choices: Any) -> Genome:
    """The genome of the first choices, but for ``choices``; two underscores stand for a dot."""
    named = {name.replace("__", "."): value for name, value in choices.items()}
    unknown = named.keys() - {gene.name for gene in space.genes}
    if unknown:
        raise KeyError(f"no genes {sorted(unknown)}; there are {[gene.name for gene in space.genes]}")
    return tuple(gene.choices.index(named[gene.name]) if gene.name in named else 0 for gene in space.genes)


def genomes(space: StagedSpace) -> Iterator[Genome]:
    """Every genome, the budget fraction fixed at its first choice."""
    counts = [1 if gene.name == BUDGET_FRACTION else len(gene.choices) for gene in space.genes]
    return itertools.product(*(range(count) for count in counts))


def genome_count(space: StagedSpace) -> int:
    count = 1
    for gene in space.genes:
        count *= len(gene.choices)
    return count


def _some(*choices: Any, most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(choices), min_size=1, max_size=most, unique=True)


blocks = st.fixed_dictionaries(
    {
        "type": _some("conv", "residual", "mbconv"),
        "kernel": _some(3, 5, most=1),
        "expansion": _some(1.0, 2.0, 2.5),
        "se": _some(False, True, most=1),
    }
)
stages = st.fixed_dictionaries(
    {
        "depth": _some(1, 2),
        "width": _some(4, 6, 8),
        "stride": st.sampled_from([1, 2]),
        "block": blocks,
    }
)
modules = st.fixed_dictionaries(
    {
        "type": _some("conv", "mbconv", "pool"),
        "kernel": _some(3, 5, most=1),
        "width": _some(0.5, 0.6, 1.0, 2.0),
        "expansion": _some(2.0, 3.0),
        "stride": _some(1, 2),
        "pool": _some("none", "max2"),
    }
)
exits = st.fixed_dictionaries(
    {
        "after": st.sampled_from([[], ["stage1"]]),
        "optional": st.booleans(),
        "branch": st.fixed_dictionaries({"modules": _some(0, 1, 2, 3), "module": modules}),
    }
)
sections = st.fixed_dictionaries(
    {
        "resolution": _some(4, 5, 8, 16),
        "stages": st.lists(stages, min_size=2, max_size=2),
        "exits": exits,
        "padding": st.sampled_from(["symmetric", "same"]),
        "norm_eps": st.sampled_from([1e-5, 1e-3]),
    }
)
"""Any small ``space:`` section."""
any_space = sections.map(lambda section: space(8, **section))
