"""Features of every form become the map that exit branches stand on."""

import pytest
import torch
from cut_once import SHAPE, cut
from user_networks import CLASSES

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, image, tokens
from aebnas.errors import ShapeError
from aebnas.hardware.cost.cost import layer_cost, plan_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import layer_clock
from aebnas.nets.network import ExitSegment
from aebnas.pretrained.to_map import Grid, grid_of, mapped, to_map
from aebnas.runtime.onnx_session import open_session
from aebnas.runtime.torch_segments import segment_graph
from aebnas.space.api import Segment

SQUARE = (224, 224)


@pytest.mark.parametrize(
    ("features", "size", "signature", "shape"),
    [
        (TensorSpec(12, (4, 6), channels_last=True), (8, 12), "to_map-in12-out12@4x6-last", (12, 4, 6)),
        (tokens(196, 32), SQUARE, "to_map-in32-out32-0+14x14@196-last", (32, 14, 14)),
        (tokens(197, 32), SQUARE, "to_map-in32-out32-1+14x14@197-last", (32, 14, 14)),
        (tokens(261, 32), SQUARE, "to_map-in32-out32-5+16x16@261-last", (32, 16, 16)),
        (tokens(13, 32), (48, 64), "to_map-in32-out32-1+3x4@13-last", (32, 3, 4)),
        (tokens(30, 32), SQUARE, "to_map-in32-out32@30-last", (32, 1, 1)),
        (tokens(50, 8), (64, 65), "to_map-in8-out8-1+7x7@50-last", (8, 7, 7)),
        (TensorSpec(8, (16,)), (32, 32), "to_map-in8-out8-0+4x4@16", (8, 4, 4)),
        (tokens(40, 32), (32, 32), "to_map-in32-out32@40-last", (32, 1, 1)),
        (TensorSpec(8, (40,)), (32, 32), "to_map-in8-out8@40", (8, 1, 1)),
        (TensorSpec(32), SQUARE, "to_map-in32-out32@1", (32, 1, 1)),
    ],
)
def test_features_of_every_form_become_a_map(
    features: TensorSpec, size: tuple[int, int], signature: str, shape: tuple[int, int, int]
) -> None:
    (layer,) = to_map(features, size)
    assert layer.signature() == signature
    assert layer.output.shape == mapped(features, size).shape == shape
    assert layer.build()(torch.zeros(2, *features.shape)).shape == (2, *shape)


def test_a_map_needs_no_layer() -> None:
    assert to_map(image(8, 4), (32, 32)) == ()
    assert mapped(image(8, 4), (32, 32)) == image(8, 4)


def test_patches_keep_their_places_row_by_row() -> None:
    (layer,) = to_map(tokens(7, 1), (20, 30))
    assert layer.build()(torch.arange(7.0).view(1, 7, 1))[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_patches_lie_in_a_grid_as_the_image_does() -> None:
    assert grid_of(16, (32, 32)) == Grid(4, 4, 0)
    assert grid_of(16, (16, 64)) == Grid(2, 8, 0)


def test_class_tokens_are_fewer_than_patches() -> None:
    assert grid_of(8, (32, 32)) is None


def test_an_image_without_height_and_width_has_no_grid() -> None:
    assert grid_of(16, (64,)) is None


def test_features_of_three_axes_and_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"but the features are \(2, 3, 4, 5\)"):
        to_map(TensorSpec(2, (3, 4, 5)), SQUARE)


def test_it_counts_no_macs_and_holds_what_it_reads_and_writes() -> None:
    (layer,) = to_map(tokens(17, 16), (32, 32))
    cost = layer_cost(layer)
    assert (cost.macs, cost.params) == (0, 0)
    assert cost.activation_bytes == 4 * 16 * (17 + 16)


def exit_segment(name: str, after: str) -> Segment:
    """The first part of a network, with a convolution and a classifier behind it."""
    first, _ = cut(name).layers([after])
    (there,) = to_map(first.output, SHAPE[1:])
    conv = Layer(BlockSpec("conv", 3, 8, 2), there.output)
    return Segment((first,), (there, conv, classifier(conv.output, CLASSES)), after)


def test_the_way_to_an_exit_on_tokens_costs_piece_and_branch() -> None:
    segment = exit_segment("vit", "blocks.0")
    piece, _, conv, last = (layer_cost(layer).macs for layer in segment.layers())
    assert list(plan_cost([segment]).reach_macs) == [piece + conv + last]
    assert conv == 2 * 2 * 9 * 16 * 8


@pytest.mark.parametrize(("name", "after"), [("vit", "blocks.0"), ("channels_last", "stage1")])
def test_an_exit_on_tokens_answers_alike_in_onnxruntime_for_any_batch(name: str, after: str) -> None:
    segment = ExitSegment(exit_segment(name, after)).eval()
    session = open_session(segment_graph(segment, (1, *SHAPE), is_read=True))
    images = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0))
    answers = session.run(None, {"x": images.numpy()})
    with torch.no_grad():
        for answer, expected in zip(answers, segment(images), strict=True):
            torch.testing.assert_close(torch.from_numpy(answer), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize("features", [tokens(17, 16), TensorSpec(16, (4, 4), True), TensorSpec(16)])
def test_it_can_be_timed(features: TensorSpec, runtime: str) -> None:
    (layer,) = to_map(features, (32, 32))
    assert layer_clock(layer, Target(device="cpu", runtime=runtime))(2).min() > 0
