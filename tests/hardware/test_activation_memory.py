"""Live activations against sums by hand, kept activations against what autograd really keeps."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from layers import square
from shipped import SHIPPED
from torch import Tensor, nn

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.config import load
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.cost.cost import layer_cost, network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.space.search_space import StagedSpace
from aebnas.space.spaces import space_of
from aebnas.task.task import classification

FOLDER = Path(__file__).parents[2] / "search_spaces"
FP32 = 4


@cache
def shipped(name: str) -> tuple[StagedSpace, int, int]:
    """The space, its images' channels and its classes."""
    config = load(FOLDER / f"{name}.yaml", [])
    shape, classes = shape_and_classes(config.data)
    return space_of(config, shape), shape[2], classes


# ---------------------------------------------------------------- alive
@pytest.mark.parametrize(
    ("layer", "elements"),
    [
        # batch norm: its input and its output, 8 channels of 8 x 8 each
        pytest.param(square(BlockSpec("conv", 3, 8), 3, 8), 512 + 512, id="conv"),
        # a convolution that shrinks: its input and its output
        pytest.param(square(BlockSpec("conv", 3, 2, 2), 8, 8), 512 + 2 * 16, id="shrinking conv"),
        # depthwise batch norm
        pytest.param(square(BlockSpec("dwconv", 3, 2), 8, 8), 512 + 512, id="dwconv"),
        # the input waits for the sum while batch norm reads and writes
        pytest.param(square(BlockSpec("residual", 3, 8), 8, 4), 128 + 128 + 128, id="residual"),
        # 8 x 8 x 4 in, 4 x 4 x 8 out: input and body wait while the projection's batch norm runs
        pytest.param(square(BlockSpec("residual", 3, 8, 2), 4, 8), 256 + 128 + 128 + 128, id="projection"),
        # the hidden width of 4 x 8 channels, twice, and the waiting input
        pytest.param(square(BlockSpec("mbconv", 3, 8, expansion=4.0), 8, 4), 128 + 512 + 512, id="mbconv"),
        # gate: scaled and unscaled hidden tensor, one number per channel, and the waiting input
        pytest.param(
            square(BlockSpec("mbconv", 3, 8, expansion=4.0, se=True), 8, 4), 128 + 512 + 32 + 512, id="gated"
        ),
        # without a skip nothing waits
        pytest.param(square(BlockSpec("mbconv", 3, 4, expansion=4.0), 8, 4), 512 + 512, id="no skip"),
        pytest.param(square(BlockSpec("pool", 3, 8, 2), 8, 8), 512 + 128, id="pool"),
        pytest.param(square(BlockSpec("classifier", 1, 10), 8, 8), 512 + 8, id="classifier"),
    ],
)
def test_the_largest_live_sum_is_the_one_by_hand(layer: Layer, elements: int) -> None:
    assert layer_cost(layer).activation_bytes == elements * FP32


def test_a_layer_whose_input_is_needed_afterwards_holds_it_throughout() -> None:
    cost = layer_cost(square(BlockSpec("dwconv", 3, 2), 8, 8))
    assert cost.activation_bytes_input_kept == (512 + 512 + 512) * FP32


def test_features_wait_for_the_next_segment_while_the_exit_runs() -> None:
    wide_exit = ExitSpec("stage1", (BlockSpec("conv", 1, 4), BlockSpec("conv", 1, 64)))
    architecture = StagedArchitecture(
        resolution=8,
        stem=StemSpec(1, 1, 4, "relu"),
        stages=tuple(StageSpec(f"stage{i}", (BlockSpec("conv", 1, 4),)) for i in (1, 2)),
        exits=(wide_exit,),
        final=FinalSpec(0, 0, "relu"),
    )
    features, widest = 4 * 64, 64 * 64
    peak = network_cost(architecture, classification(3, 10)).peak_activation_bytes
    assert peak == (features + widest + widest) * FP32


def test_behind_the_last_exit_nothing_waits() -> None:
    architecture = StagedArchitecture(
        8, StemSpec(1, 1, 1, "relu"), (StageSpec("stage1", (BlockSpec("conv", 1, 2),)),), (),
        FinalSpec(0, 512, "relu"),
    )  # fmt: skip
    # hidden features before and after flattening; the 2 x 64 features are gone
    assert network_cost(architecture, classification(1, 10)).peak_activation_bytes == (512 + 512) * FP32


# ---------------------------------------------------------------- kept for the backward pass
def kept_by_autograd(network: EarlyExitNetwork, x: Tensor) -> int:
    """Bytes of the distinct activations that a training step keeps."""
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        pointer = tensor.untyped_storage().data_ptr()
        if pointer not in own and tensor.is_floating_point():
            kept[pointer] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = network(x)
    assert len(outputs) == network.exits
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_kept_activations_are_within_a_twentieth_of_autograds(name: str) -> None:
    space, channels, classes = shipped(name)
    rng = np.random.default_rng(5)
    for _ in range(5):
        architecture = space.decode(space.sample(rng))
        network = EarlyExitNetwork(architecture, classification(channels, classes)).train()
        x = torch.zeros(2, channels, architecture.resolution, architecture.resolution)
        estimate = 2 * network_cost(architecture, classification(channels, classes)).saved_activation_bytes
        # below it: the images themselves, the batch norms' statistics, what max pooling chose
        assert 0.94 < estimate / kept_by_autograd(network, x) < 1.02


def test_watching_leaves_no_hooks_on_networks() -> None:
    space, channels, classes = shipped("mnist5k")
    architecture = space.decode(space.sample(np.random.default_rng(0)))
    network_cost(architecture, classification(channels, classes))
    network = EarlyExitNetwork(architecture, classification(channels, classes))
    assert not any(part._forward_hooks for part in network.modules())
    assert not any("total_ops" in part._buffers for part in network.modules())
    assert isinstance(network, nn.Module)
