"""Layers: their names, their sizes, and the walk that lists them."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import square
from tiny_spaces import space

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.task.task import classification

EXITS = {"after": ["stage1", "stage2"], "optional": False}
THREE_STAGES = [{"width": 4}, {"width": 8, "stride": 2}, {"width": 12, "stride": 2}]

specs = st.builds(
    BlockSpec,
    type=st.sampled_from(["conv", "dwconv", "residual", "fused", "mbconv"]),
    kernel=st.sampled_from([1, 3, 5, 7]),
    width=st.integers(1, 300),
    stride=st.sampled_from([1, 2]),
    expansion=st.floats(1, 16, width=64),
    se=st.booleans(),
    activation=st.sampled_from(["relu", "relu6", "hswish", "silu"]),
    pool=st.sampled_from(["none", "max2", "avg2"]),
    padding=st.sampled_from(["symmetric", "same"]),
    norm_eps=st.sampled_from([1e-5, 1e-3, 2e-3]),
)
pools = st.builds(BlockSpec, st.just("pool"), st.sampled_from([1, 3, 5, 7]), st.integers(1, 300), st.just(2))
classifiers = st.builds(BlockSpec, st.just("classifier"), st.just(1), st.integers(2, 1000))
hidden_classifiers = st.builds(
    BlockSpec,
    st.just("classifier"),
    st.just(1),
    st.integers(2, 1000),
    activation=st.sampled_from(["relu", "hswish", "silu"]),
)
layers = st.one_of(
    st.builds(square, specs | pools | classifiers, st.integers(1, 300), st.integers(1, 100)),
    st.builds(square, hidden_classifiers, st.integers(1, 300), st.integers(1, 100), st.integers(1, 2000)),
)


def test_a_signature_reads_as_the_layer_it_names() -> None:
    spec = BlockSpec("mbconv", 5, 40, 2, 4.0, se=True, activation="hswish")
    assert square(spec, 24, 16).signature() == "mbconv-in24-out40-k5-s2-e4-se-hswish@16"
    lite = BlockSpec("mbconv", 5, 40, 2, 6.0, activation="relu6", padding="same", norm_eps=1e-3)
    assert square(lite, 24, 16).signature() == "mbconv-in24-out40-k5-s2-e6-relu6-same-n0.001@16"
    assert square(BlockSpec("classifier", 1, 10), 64, 4).signature() == "classifier-in64-out10@4"
    assert square(BlockSpec("pool", 3, 8, 2), 8, 5).signature() == "pool-in8-out8-k3-s2@5"


@given(layers, st.data())
def test_layers_that_differ_in_anything_have_different_signatures(layer: Layer, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from([f.name for f in dataclasses.fields(BlockSpec)]))
    other_spec = dataclasses.replace(layer.spec, **{part: getattr(data.draw(specs), part)})
    is_plain = layer.spec.type in ("pool", "classifier")
    other = data.draw(layers) if is_plain else dataclasses.replace(layer, spec=other_spec)
    assert (layer == other) == (layer.signature() == other.signature())


def test_close_expansions_have_different_signatures() -> None:
    names = {square(BlockSpec("fused", 3, 8, expansion=e), 8, 8).signature() for e in (2.3333333, 2.3333334)}
    assert len(names) == 2


def test_layers_follow_each_other_in_channels_and_pixels() -> None:
    architecture = space(
        17, stages=THREE_STAGES, stem={"stride": 2, "width": 6}, exits=EXITS, final={"expand": 20}
    ).decode(())
    backbone = [
        layer for segment in architecture.segments(classification(3, 10)) for layer in segment.backbone
    ]
    assert [(layer.in_channels, layer.input.size[0]) for layer in backbone] == [
        (3, 17),
        (6, 9),
        (4, 9),
        (8, 5),
        (12, 3),
    ]
    for layer, following in itertools.pairwise(backbone):
        assert layer.output == following.input


def test_every_exit_has_a_segment_that_ends_in_its_classifier() -> None:
    plan = (
        space(stages=THREE_STAGES, exits=EXITS, final={"features": 9})
        .decode(())
        .segments(classification(3, 10))
    )
    assert [segment.exit[-1].spec.type for segment in plan] == ["classifier"] * 3
    assert [segment.exit[-1].spec.width for segment in plan] == [10] * 3
    assert [segment.exit[-1].features for segment in plan] == [0, 0, 9]


def test_a_segment_runs_its_backbone_before_its_exit() -> None:
    (segment, _) = (
        space(exits={"after": ["stage1"], "optional": False}).decode(()).segments(classification(3, 10))
    )
    assert tuple(segment.layers()) == segment.backbone + segment.exit


@pytest.mark.parametrize(
    ("stride", "pool", "size", "out"),
    [(1, "none", 7, 7), (2, "none", 7, 4), (2, "none", 8, 4), (1, "max2", 7, 3), (2, "avg2", 7, 2)],
)
def test_strides_round_up_and_poolings_round_down(stride: int, pool: str, size: int, out: int) -> None:
    assert square(BlockSpec("conv", 3, 8, stride, pool=pool), 8, size).output == image(8, out)
