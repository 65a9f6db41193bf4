"""Images of another height than width, through space, layers, costs and networks."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_spaces import branch_space, genome_count, genomes, space
from torch.utils.flop_counter import FlopCounterMode

from aebnas.config.sections.space import SpaceConfig
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.task.input_size import centre_crop, size_of
from aebnas.task.task import classification

TYPES = ["conv", "dwconv", "residual", "fused", "mbconv"]
MODULE = {
    "type": ["conv", "mbconv", "pool"], "kernel": [1, 5], "stride": [1, 2], "pool": ["none", "max2", "avg2"]
}  # fmt: skip
EXITS = {"after": ["stage1", "stage2"], "branch": {"modules": [0, 1, 2], "module": MODULE}}
STAGES = [
    {"width": [4, 8], "depth": [1, 2], "stride": 2, "block": {"type": TYPES, "se": [False, True]}},
    {"width": 12, "stride": 2, "block": {"type": TYPES, "expansion": [2, 3]}},
    {"width": 16, "stride": 2},
]  # fmt: skip
RECTANGLES: list[Any] = [[24, 48], [7, 31], [4, 5], [48, 24], [5, 64], 16, [4, 128]]


def rectangular() -> StagedSpace:
    return space(resolution=RECTANGLES, stem={"stride": 2, "width": 4}, stages=STAGES, exits=EXITS)


def sampled(count: int, seed: int) -> list[StagedArchitecture]:
    rng, some = np.random.default_rng(seed), rectangular()
    return [some.decode(some.sample(rng)) for _ in range(count)]


def test_macs_of_100_rectangular_networks_are_those_that_torch_counts() -> None:
    task = classification(3, 10)
    for architecture in sampled(100, seed=1):
        with torch.device("meta"):
            network = EarlyExitNetwork(architecture, task).eval()
            counter = FlopCounterMode(display=False)
            with counter:
                network(torch.empty(1, *network.input.shape))
        assert counter.get_total_flops() / 2 == network_cost(architecture, task).reach_macs[-1]


def test_rectangular_networks_answer_and_their_layers_have_the_shapes_that_they_say() -> None:
    task = classification(1, 5)
    for architecture in sampled(20, seed=2):
        network = EarlyExitNetwork(architecture, task).eval()
        with torch.inference_mode():
            x = torch.zeros(2, *network.input.shape)
            for part, segment in zip(network.segments(), network.plan, strict=True):
                assert tuple(x.shape[1:]) == segment.backbone[0].input.shape
                x, answer = part(x)
                assert tuple(x.shape[1:]) == segment.backbone[-1].output.shape
                assert tuple(answer.shape) == (2, 5)


def test_every_layer_of_rectangular_networks_is_listed_with_a_signature_of_its_own() -> None:
    some, task = rectangular(), classification(1, 10)
    listed = some.layers(task)
    assert len({layer.signature() for layer in listed}) == len(listed)
    for architecture in sampled(100, seed=3):
        for segment in architecture.segments(task):
            assert set(segment.layers()) <= set(listed)


def test_signatures_name_both_sides_where_they_differ() -> None:
    rectangle, square = (space(resolution=[size]).decode(()) for size in ([24, 32], 24))
    first = [a.segments(classification(3, 10))[0].backbone[0].signature() for a in (rectangle, square)]
    assert first == ["conv-in3-out16-k3-s1-relu@24x32", "conv-in3-out16-k3-s1-relu@24"]


@given(st.integers(0, 2**32))
def test_encoding_goes_there_and_back(seed: int) -> None:
    (architecture,) = sampled(1, seed)
    some = rectangular()
    assert some.decode(some.encode(architecture)) == architecture
    assert StagedArchitecture.from_dict(architecture.to_dict()) == architecture


@pytest.mark.parametrize("size", [[2, 1], [1, 4], [2, 3], [1, 1], [3, 9]])
@pytest.mark.parametrize("counts", [[1, 3], [2]])
def test_branches_of_narrow_features_are_counted_as_they_decode(size: list[int], counts: list[int]) -> None:
    some = branch_space(4, counts, optional=True, type=["conv", "pool"], stride=[1, 2], pool=["none", "max2"])
    narrow = StagedSpace(some.config, (size[0], size[1]))
    assert genome_count(narrow) < 20_000
    assert narrow.count() == len({narrow.decode(one).key() for one in genomes(narrow)})


def test_a_pair_of_equal_sides_is_a_square_with_the_key_of_a_square() -> None:
    pair, number = space(resolution=[[16, 16]]).decode(()), space(resolution=16).decode(())
    assert (pair, pair.key(), pair.to_dict()["resolution"]) == (number, number.key(), 16)
    assert space(resolution=[[16, 24]]).decode(()).key() != number.key()


def test_without_a_resolution_the_data_decide_square_or_not() -> None:
    config = space().config
    assert StagedSpace(config, (24, 48)).decode(()).to_dict()["resolution"] == [24, 48]
    assert StagedSpace(config, (24, 24)).decode(()).to_dict()["resolution"] == 24


@pytest.mark.parametrize(
    ("given", "choices"),
    [
        (16, (16,)),
        ([24, 32], (24, 32)),
        ([[24, 32]], ((24, 32),)),
        ([[24, 32], [48, 64]], ((24, 32), (48, 64))),
        ([[16, 16], [16, 32]], (16, (16, 32))),
    ],
)
def test_resolutions_are_read_and_written_alike(given: Any, choices: tuple[Any, ...]) -> None:
    section = SpaceConfig.model_validate({"resolution": given, "stages": [{"width": 8}]})
    assert section.resolution == choices
    again = SpaceConfig.model_validate(section.model_dump(mode="json"))
    assert again.resolution == choices


SIDES = st.integers(1, 60)


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_a_crop_is_the_largest_in_the_middle_that_stretches_nothing(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    top, left, height, width = centre_crop(size, wanted)
    assert 1 <= height <= size[0]
    assert 1 <= width <= size[1]
    assert height == size[0] or width == size[1], "nothing is cut that need not be"
    # to the nearest pixel
    error = abs(height * wanted[1] - width * wanted[0])
    assert error <= max(wanted) or 1 in (height, width)
    for start, part, whole in ((top, height, size[0]), (left, width, size[1])):
        assert abs((whole - part - start) - start) <= 1


@pytest.mark.parametrize("size", [1, 7, (7, 7)])
def test_a_square_of_a_square_is_all_of_it(size: Any) -> None:
    assert centre_crop((30, 30), size_of(size)) == (0, 0, 30, 30)


def test_the_drawing_tells_both_sides() -> None:
    drawing = (
        space(resolution=[[24, 32]], stages=[{"width": 8, "stride": 2}, {"width": 8}]).decode(()).drawing()
    )
    assert drawing.lines()[0].startswith("24 × 32 px, stem")
    assert [row.boxes[0].size for row in drawing.rows] == [(24, 32), (12, 16), (12, 16)]
    assert list(itertools.chain(drawing.input_size)) == [24, 32]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([[24, 32, 3]], "pair"),
        ([[]], "pair"),
        ([[24, "32"]], "integer"),
        ([[24, True]], "integer"),
        ([[24.0, 32]], "integer"),
        ([[24, 3]], "greater than or equal to 4"),
        ([[24, 2000]], "less than or equal to 1024"),
        ([[16, 16], 16], "listed twice"),
        ([[24, 32], [24, 32]], "listed twice"),
    ],
)
def test_what_is_no_size_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpaceConfig.model_validate({"resolution": wrong, "stages": [{"width": 8}]})
