"""The number of distinct architectures equals brute-force enumeration."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from tiny_spaces import any_space, branch_space, genome_count, genomes, space

from aebnas.space.search_space import StagedSpace


def brute_force(some: StagedSpace) -> int:
    return len({some.decode(genome).key() for genome in genomes(some)})


@pytest.mark.parametrize(
    ("some", "count"),
    [
        (space(), 1),
        (space(stem={"width": [8, 16]}, resolution=[16, 20, 24]), 6),
        (space(stages=[{"width": 8, "depth": [1, 2], "block": {"kernel": [3, 5]}}]), 2 + 4),
        (space(stages=[{"width": 8, "block": {"type": ["conv", "mbconv"], "expansion": [2, 3]}}]), 1 + 2),
        (space(exits={"after": ["stage1"], "branch": {"modules": 0}}), 2),
        (branch_space(modules=[0, 1], optional=True, kernel=[3, 5]), 1 + 1 + 2),
        (branch_space(width=[1.0, 1.2, 2.0]), 2),
        (branch_space(1, modules=[1, 2], type="pool"), 1),
        (branch_space(2, modules=[1, 2], type="pool"), 1),
        (branch_space(2, modules=[1, 2], type=["pool", "conv"]), 2 + 3),
        (branch_space(1, modules=1, stride=[1, 2], pool=["none", "max2"]), 1),
    ],
)  # fmt: skip
def test_small_spaces_hold_as_many_architectures_as_counted_by_hand(some: StagedSpace, count: int) -> None:
    assert (some.count(), brute_force(some)) == (count, count)


@pytest.mark.parametrize("resolution", [1, 2, 3, 4, 5, 8, 16])
@pytest.mark.parametrize("counts", [[0, 3], [1, 3], [2, 3], [3], [0, 1, 2]])
def test_poolings_dropped_at_one_pixel_are_counted_once(resolution: int, counts: list[int]) -> None:
    module: dict[str, Any] = {"type": ["conv", "pool"], "stride": [1, 2], "pool": ["none", "max2"]}
    some = branch_space(resolution, counts, optional=True, **module)
    assert some.count() == brute_force(some)


@pytest.mark.parametrize("resolution", [8, 9])
def test_widths_collide_at_one_stage_width_and_not_at_another(resolution: int) -> None:
    exits = {"after": ["stage1"], "branch": {"modules": [0, 1], "module": {"width": [0.5, 0.6, 1.0]}}}
    some = space(resolution, stages=[{"width": [4, 8, 32]}, {"width": 8}], exits=exits)
    assert some.count() == brute_force(some)


@settings(max_examples=60)
@given(any_space)
def test_any_small_space_holds_as_many_architectures_as_counted(some: StagedSpace) -> None:
    assume(genome_count(some) <= 3000)
    assert some.count() == brute_force(some)


def test_budget_fractions_are_not_counted() -> None:
    exits = {"after": ["stage1"], "optional": False}
    assert space(budget_fractions=(0.5, 1.0), exits=exits).count() == 1
