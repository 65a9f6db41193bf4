"""Every kind of layer as a torch module: shapes, parts, first values."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import square
from torch import Tensor, nn

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.parts import Skip, SqueezeExcitation
from aebnas.blocks.table import BLOCKS, exit_modules, stage_blocks
from aebnas.nets.initial_weights import initialise

CONVOLUTIONS = list(stage_blocks())


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Any layer that an architecture can hold: no pooling at one pixel, pools keep their channels."""
    size, channels = draw(st.integers(1, 17)), draw(st.integers(1, 9))
    kernel = draw(st.sampled_from([1, 3, 5, 7]))
    type_ = draw(st.sampled_from([*CONVOLUTIONS, "pool"]))
    if type_ == "pool":
        return square(BlockSpec("pool", kernel, channels, 2), channels, max(2, size))
    stride = draw(st.sampled_from([1, 2])) if size > 1 else 1
    pool = draw(st.sampled_from(["none", "max2", "avg2"])) if -(-size // stride) > 1 else "none"
    spec = BlockSpec(
        type_,
        kernel,
        draw(st.integers(1, 9)),
        stride,
        draw(st.sampled_from([1.0, 1.5, 2.0, 4.0])),
        draw(st.booleans()),
        draw(st.sampled_from(["relu", "relu6", "hswish", "silu"])),
        pool,
        draw(st.sampled_from(["symmetric", "same"])),
    )
    return square(spec, channels, size)


def block(type_: str, width_in: int = 8, width_out: int = 8, size: int = 8, **changes: object) -> nn.Module:
    torch.manual_seed(0)
    settings = {"kernel": 3, "width": width_out} | changes
    module = square(BlockSpec(type=type_, **settings), width_in, size).build()
    initialise(module)
    return module


def skips(module: nn.Module) -> list[Skip]:
    return [part for part in module.modules() if isinstance(part, Skip)]


def convolutions(module: nn.Module) -> list[tuple[int, int, int, int, int]]:
    """In and out channels, kernel, stride and groups of every convolution."""
    found = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    return [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0], c.groups) for c in found]


@settings(max_examples=300)
@given(layers())
def test_the_output_has_the_shape_that_the_layer_says(layer: Layer) -> None:
    with torch.inference_mode():
        out = layer.build().eval()(torch.zeros(2, *layer.input.shape))
    assert tuple(out.shape) == (2, *layer.output.shape)


def test_blocks_stand_under_their_names() -> None:
    assert all(name == block.name for name, block in BLOCKS.items())
    assert {*stage_blocks(), *exit_modules(), "classifier"} == set(BLOCKS)


@pytest.mark.parametrize("type_", [*CONVOLUTIONS, "pool", "classifier"])
@pytest.mark.parametrize("se", [False, True])
@pytest.mark.parametrize("width_out", [8, 12])
def test_names_of_weights_fit_the_parts_with_weights(type_: str, se: bool, width_out: int) -> None:
    for stride, expansion in itertools.product((1, 2), (1.0, 3.0)):
        layer = square(BlockSpec(type_, 3, width_out, stride, expansion, se), 8, 8, 12)
        names = BLOCKS[type_].parameter_names(layer)
        parts = [p for p in layer.build().modules() if any(True for _ in p.parameters(recurse=False))]
        if names is not None:
            assert len(names) == len(set(names)) == len(parts)
            # a convolution that begins aligned is one
            aligned = [p for n, p in zip(names, parts, strict=True) if n in BLOCKS[type_].aligned]
            assert all(isinstance(part, nn.Conv2d) for part in aligned)


@pytest.mark.parametrize("features", [0, 12])
def test_a_classifier_answers_one_logit_per_class(features: int) -> None:
    head = square(BlockSpec("classifier", 1, 7), 5, 3, features).build().eval()
    assert tuple(head(torch.zeros(2, 5, 3, 3)).shape) == (2, 7)
    assert convolutions(head) == ([(5, 12, 1, 1, 1)] if features else [])


# ---------------------------------------------------------------- what is inside
@pytest.mark.parametrize(
    ("type_", "found"),
    [
        ("conv", [(8, 16, 5, 2, 1)]),
        ("dwconv", [(8, 8, 5, 2, 8), (8, 16, 1, 1, 1)]),
        ("residual", [(8, 16, 5, 2, 1), (16, 16, 5, 1, 1), (8, 16, 1, 2, 1)]),
        ("fused", [(8, 24, 5, 2, 1), (24, 16, 1, 1, 1)]),
        ("mbconv", [(8, 24, 1, 1, 1), (24, 24, 5, 2, 24), (24, 16, 1, 1, 1)]),
    ],
)
def test_a_block_has_the_convolutions_of_its_paper(type_: str, found: list[tuple[int, ...]]) -> None:
    assert convolutions(block(type_, width_out=16, kernel=5, stride=2, expansion=3.0)) == found


def test_an_mbconv_of_expansion_one_has_no_expanding_convolution() -> None:
    assert convolutions(block("mbconv", expansion=1.0)) == [(8, 8, 3, 1, 8), (8, 8, 1, 1, 1)]


@pytest.mark.parametrize(("type_", "gated"), [("conv", 8), ("dwconv", 8), ("residual", 8), ("mbconv", 32)])
def test_the_gate_of_squeeze_and_excitation_is_a_quarter_wide(type_: str, gated: int) -> None:
    module = block(type_, se=True, expansion=4.0)
    (gate,) = (part for part in module.modules() if isinstance(part, SqueezeExcitation))
    assert convolutions(gate) == [(gated, max(4, gated // 4), 1, 1, 1), (max(4, gated // 4), gated, 1, 1, 1)]


def test_a_gate_scales_whole_channels_by_numbers_between_0_and_1() -> None:
    torch.manual_seed(0)
    gate, x = SqueezeExcitation(8), torch.rand(2, 8, 4, 4) + 0.5
    with torch.inference_mode():
        scale = gate(x) / x
    torch.testing.assert_close(scale, scale[:, :, :1, :1].expand_as(scale))
    assert 0 <= float(scale.min()) <= float(scale.max()) <= 1


@pytest.mark.parametrize("type_", ["residual", "fused", "mbconv"])
@pytest.mark.parametrize(("stride", "width_out"), [(1, 8), (2, 8), (1, 16)])
def test_a_skip_is_there_exactly_where_the_shape_stays(type_: str, stride: int, width_out: int) -> None:
    found = skips(block(type_, width_out=width_out, stride=stride))
    if type_ == "residual":  # projects instead
        assert isinstance(found[0].shortcut, nn.Identity) == (stride == 1 and width_out == 8)
    else:
        assert len(found) == (stride == 1 and width_out == 8)


@pytest.mark.parametrize(("pool", "kind"), [("max2", nn.MaxPool2d), ("avg2", nn.AvgPool2d)])
def test_pooling_comes_last(pool: str, kind: type[nn.Module]) -> None:
    assert isinstance(list(block("mbconv", pool=pool).children())[-1], kind)


def test_a_pool_averages_only_pixels_that_exist() -> None:
    pool = square(BlockSpec("pool", 3, 1, 2), 1, 5).build()
    assert torch.equal(pool(torch.ones(1, 1, 5, 5)), torch.ones(1, 1, 3, 3))


# ---------------------------------------------------------------- first values
@pytest.mark.parametrize("type_", ["residual", "fused", "mbconv"])
@pytest.mark.parametrize("se", [False, True])
def test_a_fresh_skip_block_passes_its_input_on(type_: str, se: bool) -> None:
    x = torch.rand(2, 8, 8, 8)  # positive: the activation behind the sum keeps it
    assert torch.equal(block(type_, se=se).train()(x), x)


@pytest.mark.parametrize("type_", ["residual", "fused", "mbconv"])
def test_the_last_batch_norm_of_a_skip_alone_starts_at_zero(type_: str) -> None:
    (skip,) = skips(block(type_, se=True))
    norms = [part for part in skip.modules() if isinstance(part, nn.BatchNorm2d)]
    assert [bool(norm.weight.any()) for norm in norms] == [True] * (len(norms) - 1) + [False]


def test_batch_norms_outside_skips_start_at_one() -> None:
    scales: list[Tensor] = [
        part.weight for part in block("fused", width_out=16).modules() if isinstance(part, nn.BatchNorm2d)
    ]
    assert all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)


def test_convolutions_start_he_normal() -> None:
    weight = next(part for part in block("conv", 64, 64).modules() if isinstance(part, nn.Conv2d)).weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
