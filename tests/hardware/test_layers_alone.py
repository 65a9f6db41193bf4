"""What stands at a layer's ends while it is measured alone, and which of its weights a call reads."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from layers import square
from shipped import every_space, shipped
from torch import nn

from aebnas.blocks.block import Block, BlockSpec, LayerShape
from aebnas.blocks.conv import Conv
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.table import BLOCKS
from aebnas.blocks.tensor_spec import image
from aebnas.hardware.cost.cost import layer_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import OUTSIDE, empty_clock, ends, layer_clock
from aebnas.task.input_size import Size
from aebnas.task.task import classification

CONV = square(BlockSpec("conv", 3, 12, 2, activation="hswish"), 8, 7)


@every_space
def test_what_one_layer_of_a_chain_ends_with_the_next_begins_with(name: str) -> None:
    # halves of empty calls that a layer gets too much its neighbour gets too little
    space, channels, classes = shipped(name)
    rng = np.random.default_rng(0)
    for _ in range(20):
        for i, segment in enumerate(
            space.decode(space.sample(rng)).segments(classification(channels, classes))
        ):
            chain = [ends(layer, Target()) for layer in segment.layers()]
            joints = [(before[1], after[0]) for before, after in pairwise(chain)]
            assert all(left == right for left, right in joints)
            assert chain[-1][1] == OUTSIDE
            assert (chain[0][0] == OUTSIDE) == (i == 0), "images come as they are"


def test_a_layer_ends_with_its_own_channels_and_pixels() -> None:
    assert ends(CONV, Target()) == (image(8, 7), image(12, 4))
    assert ends(classifier(image(8, 7), 10), Target()) == (image(8, 7), OUTSIDE)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_few_channels_between_two_layers_end_and_begin_alike(channels: int) -> None:
    before, after = square(BlockSpec("conv", 3, channels), 8, 7), square(BlockSpec("conv", 3, 8), channels, 7)
    assert ends(before, Target())[1] == ends(after, Target())[0]


def test_torch_has_no_padding_convolutions() -> None:
    assert ends(CONV, Target(runtime="torch")) == (image(8, 7), image(8, 7))


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize(
    "layer",
    [
        CONV,
        square(BlockSpec("conv", 3, 8, 2), 3, 7),
        classifier(image(8, 7), 10),
        Layer(BlockSpec("mbconv", 5, 8, 2, 2.0, pool="max2"), image(8, (4, 11))),
    ],
)
def test_layers_and_their_empty_calls_run(layer: LayerShape, runtime: str) -> None:
    target = Target(runtime=runtime, batch_size=2)  # type: ignore[arg-type]
    clocks = [layer_clock(layer, target), *(empty_clock(end, target) for end in ends(layer, target))]
    for clock in clocks:
        times = clock(3)
        assert times.shape == (3,)
        assert (times > 0).all()


# ---------------------------------------------------------------- what a call reads
@pytest.mark.parametrize(
    ("layer", "read"),
    [
        # 8 x 8 pixels: all 25 positions of the kernel meet some
        (square(BlockSpec("conv", 5, 12), 8, 8), 25 * 8 * 12),
        # one pixel: the kernel's middle alone
        (square(BlockSpec("conv", 5, 12), 8, 1), 8 * 12),
        # two pixels, one step, from two pixels before the first: the third and the fourth row
        (square(BlockSpec("conv", 5, 12, 2), 8, 2), 4 * 8 * 12),
        (square(BlockSpec("conv", 5, 12), 8, 2), 9 * 8 * 12),
        # depthwise 8 x 9 positions, then pointwise
        (square(BlockSpec("dwconv", 3, 12), 8, 1), 8 + 8 * 12),
        # 3 x 3 over one pixel twice, and the pointwise shortcut
        (square(BlockSpec("residual", 3, 12, 2), 8, 2), 4 * 8 * 12 + 12 * 12 + 8 * 12),
    ],
)
def test_weights_that_meet_padding_alone_are_not_read(layer: LayerShape, read: int) -> None:
    cost = layer_cost(layer)
    module = layer.build()
    weights = sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Conv2d))
    assert cost.params - cost.read_params == weights - read


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 4, (1, 4), (2, 1), (3, 9)])
def test_weights_that_are_not_read_may_be_anything(kernel: int, stride: int, size: Size) -> None:
    layer = Layer(BlockSpec("conv", kernel, 1, stride), image(1, size))
    convolution = next(part for part in layer.build().modules() if isinstance(part, nn.Conv2d))
    with torch.no_grad():
        convolution.weight.fill_(1.0)
    x = torch.ones(1, *layer.input.shape)
    convolution(x).sum().backward()
    assert convolution.weight.grad is not None
    read = int((convolution.weight.grad != 0).sum())
    cost = layer_cost(layer)
    assert cost.params - cost.read_params == kernel**2 - read


def block_of(make: Callable[[LayerShape], nn.Module]) -> Block:
    """A plain convolution as far as genes and sizes go, with another module."""

    class Made(Conv):
        def build(self, layer: LayerShape) -> nn.Module:
            return make(layer)

    return Made()


class Repeated(nn.Module):
    """One convolution twice, and its weights in another one, as a block of one's own may have them."""

    def __init__(self, layer: LayerShape) -> None:
        super().__init__()
        channels, kernel = layer.in_channels, layer.spec.kernel
        self.first = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.second = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.second(self.first(self.first(x)))
        return y


def test_weights_that_are_used_several_times_are_unread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BLOCKS, "repeated", block_of(Repeated))
    cost = layer_cost(square(BlockSpec("repeated", 5, 8), 8, 1))
    assert (cost.params, cost.read_params) == (25 * 8 * 8, 8 * 8)


@pytest.mark.parametrize("mode", ["circular", "replicate"])
def test_padding_with_pixels_of_the_image_is_read(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    def padded(layer: LayerShape) -> nn.Module:
        return nn.Conv2d(layer.in_channels, layer.spec.width, 3, padding=1, padding_mode=mode)  # type: ignore[arg-type]

    monkeypatch.setitem(BLOCKS, mode, block_of(padded))
    cost = layer_cost(square(BlockSpec(mode, 3, 8), 8, 1))
    assert cost.read_params == cost.params
