"""Padding as TensorFlow has it: values, shapes, graphs, and what of a kernel is read."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from layers import square
from torch import nn

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.parts import SamePadding
from aebnas.blocks.table import stage_blocks
from aebnas.hardware.cost.cost import layer_cost
from aebnas.runtime.onnx_graph import onnx_graph


def strided(type_: str = "conv", kernel: int = 3, size: int = 8, padding: str = "same") -> Layer:
    spec = BlockSpec(type_, kernel, 8, 2, 3.0, activation="relu6", padding=padding, norm_eps=1e-3)
    return square(spec, 4, size)


def convolved(layer: Layer) -> list[float]:
    """What a first convolution of ones says along the diagonal of a map that counts its rows."""
    module = layer.build()
    padding = [part for part in module.modules() if isinstance(part, SamePadding)][:1]
    conv = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
    nn.init.ones_(conv.weight)
    size = layer.input.size[0]
    rows = torch.arange(1.0, size + 1).view(1, 1, size, 1).expand(1, 4, size, size)
    with torch.inference_mode():
        out = nn.Sequential(*padding, conv)(rows)
    return [float(value) for value in out[0, 0].diagonal()]


# by hand, after tensorflow.org/api_docs/python/tf/nn: of 4 rows the first kernel stands on rows 1 to 3
@pytest.mark.parametrize(
    ("size", "diagonal"),
    [(4, [72.0, 56.0]), (5, [24.0, 108.0, 72.0]), (1, [4.0]), (2, [24.0])],
)
def test_a_strided_convolution_sees_what_tensorflows_sees(size: int, diagonal: list[float]) -> None:
    assert convolved(strided(size=size)) == diagonal


def test_at_odd_sizes_both_kinds_of_padding_are_one() -> None:
    assert convolved(strided(size=7)) == convolved(strided(size=7, padding="symmetric"))
    assert convolved(strided(size=8)) != convolved(strided(size=8, padding="symmetric"))


def test_where_nothing_strides_symmetric_padding_is_the_same_already() -> None:
    spec = BlockSpec("mbconv", 5, 4, expansion=2.0, padding="same")
    assert not [part for part in square(spec, 4, 8).build().modules() if isinstance(part, SamePadding)]


@given(st.integers(1, 40), st.sampled_from([3, 5, 7]), st.sampled_from([1, 2]))
def test_the_zeros_are_as_few_as_cover_the_map(size: int, kernel: int, stride: int) -> None:
    ((before, behind), _) = SamePadding(kernel, stride).sides((size, size))
    steps = -(-size // stride)
    assert (size + before + behind - kernel) // stride + 1 == steps
    assert behind - before in (0, 1)
    assert before + behind == max(0, (steps - 1) * stride + kernel - size)


@pytest.mark.parametrize("type_", stage_blocks())
@pytest.mark.parametrize("size", [7, 8])
def test_onnxruntime_pads_inside_the_convolution(type_: str, size: int, tmp_path: Path) -> None:
    layer = strided(type_, 5, size)
    module, options = layer.build().eval(), onnxruntime.SessionOptions()
    graph = onnx_graph(module, (1, *layer.input.shape), ["y"])
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    x = torch.rand(3, *layer.input.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], module(x), atol=1e-5)
    operators = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    assert operators["Pad"] == 0 < operators["Conv"]


@pytest.mark.parametrize("type_", stage_blocks())
def test_macs_and_parameters_are_those_of_symmetric_padding(type_: str) -> None:
    same, symmetric = (layer_cost(strided(type_, 5, 8, padding)) for padding in ("same", "symmetric"))
    assert (same.macs, same.params) == (symmetric.macs, symmetric.params)


def test_of_a_kernel_that_meets_zeros_alone_the_rest_is_read() -> None:
    # zeros: one above, two below; the two pixels meet rows 1 and 2 of five
    cost = layer_cost(strided(kernel=5, size=2))
    assert cost.params - cost.read_params == 8 * 4 * (25 - 4)


def test_a_padded_copy_is_live_memory() -> None:
    same, symmetric = (layer_cost(strided(size=8, padding=padding)) for padding in ("same", "symmetric"))
    # 4 channels of 8 x 8 and their copy of 9 x 9, where a convolution hands on 8 of 4 x 4
    assert same.activation_bytes == 4 * (4 * 64 + 4 * 81)
    assert symmetric.activation_bytes == 4 * (4 * 64 + 8 * 16)


def test_batch_norms_add_what_the_layer_says() -> None:
    norms = [part for part in strided("mbconv").build().modules() if isinstance(part, nn.BatchNorm2d)]
    assert [norm.eps for norm in norms] == [1e-3] * 3
