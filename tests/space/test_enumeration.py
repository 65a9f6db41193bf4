"""The list of a space's layers: complete, without doubles, and nothing that no architecture has."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import SHIPPED, shipped
from tiny_spaces import any_space, branch_space, genomes, space

from aebnas.blocks.layer import Layer
from aebnas.space.search_space import StagedSpace
from aebnas.task.task import classification

SMALL = [name for name in SHIPPED if not name.endswith("_wide")]
POOLS: dict[str, Any] = {"modules": [1, 3], "type": ["pool", "conv"]}
BLOCKS = {"type": ["conv", "mbconv"], "expansion": [2, 3]}
TINY = {
    "two resolutions": lambda: space(
        resolution=[5, 8], stem={"width": [4, 8]}, stages=[{"width": [4, 8], "stride": 2, "depth": [1, 2]}]
    ),
    "blocks with inactive genes": lambda: space(8, stages=[{"width": [8, 12], "block": BLOCKS}]),
    "a stride that is only the first block's": lambda: space(
        8, stages=[{"width": 8, "depth": [1, 3], "stride": 2, "block": {"kernel": [3, 5]}}]
    ),
    "pools down to one pixel": lambda: branch_space(3, **POOLS),
    "a pool that is dropped": lambda: branch_space(1, **POOLS),
    "strides and pooling in a branch": lambda: branch_space(
        4, modules=[0, 2], stride=[1, 2], pool=["none", "max2"]
    ),
    "widths that round to one": lambda: branch_space(modules=2, width=[1.0, 1.2], optional=True),
    "a final layer": lambda: space(8, final={"expand": 16, "features": 24, "activation": "hswish"}),
}


@cache
def listed(name: str) -> tuple[Layer, ...]:
    some, channels, classes = shipped(name)
    return some.layers(classification(channels, classes))


def layers(some: StagedSpace, genome: tuple[int, ...], channels: int, classes: int) -> set[Layer]:
    plan = some.decode(genome).segments(classification(channels, classes))
    return {layer for segment in plan for layer in segment.layers()}


@pytest.mark.parametrize("name", SMALL)
@settings(max_examples=40)
@given(data=st.data())
def test_every_layer_of_every_architecture_is_listed(name: str, data: st.DataObject) -> None:
    some, channels, classes = shipped(name)
    genome = data.draw(st.tuples(*(st.integers(0, count - 1) for count in some.cardinalities)))
    assert layers(some, genome, channels, classes) <= set(listed(name))


@pytest.mark.parametrize("name", SMALL)
def test_no_layer_is_listed_twice_and_no_signature_either(name: str) -> None:
    found = listed(name)
    assert len({layer.signature() for layer in found}) == len(set(found)) == len(found)


@pytest.mark.parametrize("make", TINY.values(), ids=TINY)
def test_the_list_is_exactly_what_all_genomes_together_contain(make: Any) -> None:
    some = make()
    everything = set[Layer]().union(*(layers(some, genome, 3, 10) for genome in genomes(some)))
    found = some.layers(classification(3, 10))
    assert set(found) == everything
    assert len(found) == len(everything)


def test_a_pool_on_one_pixel_is_no_layer() -> None:
    found = branch_space(1, modules=2, type="pool").layers(classification(3, 10))
    assert not [layer for layer in found if layer.spec.type == "pool"]


@settings(max_examples=30)
@given(any_space, st.data())
def test_every_layer_is_listed_in_any_space(some: StagedSpace, data: st.DataObject) -> None:
    found = set(some.layers(classification(1, 10)))
    genome = st.tuples(*(st.integers(0, count - 1) for count in some.cardinalities))
    for one in data.draw(st.lists(genome, min_size=1, max_size=10)):
        assert layers(some, one, 1, 10) <= found


def test_the_order_of_the_list_is_fixed() -> None:
    assert TINY["two resolutions"]().layers(classification(3, 10)) == TINY["two resolutions"]().layers(
        classification(3, 10)
    )
