"""The sum over layers against three independent counts of the whole network, exit by exit."""

import numpy as np
import pytest
import torch
from counters import flop_counter_macs, hooked_run, thop_macs, unfilled_network
from layers import square
from shipped import every_space, shipped

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.hardware.cost.cost import layer_cost, network_cost
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification


def architectures(name: str, count: int, seed: int = 0) -> list[StagedArchitecture]:
    """Random architectures of a shipped space."""
    space, rng = shipped(name)[0], np.random.default_rng(seed)
    return [space.decode(space.sample(rng)) for _ in range(count)]


def check_macs(architecture: StagedArchitecture, channels: int, classes: int) -> None:
    """Compare the summed reach cost with three counts of the network itself."""
    network = unfilled_network(architecture, channels, classes)
    reach = network_cost(architecture, classification(channels, classes)).reach_macs.tolist()
    assert [flop_counter_macs(network, i) for i in range(network.exits)] == reach
    assert thop_macs(network) == reach[-1]
    for i in range(network.exits):
        macs, calls = hooked_run(network, i)
        assert macs == reach[i]
        # a backbone and an exit per segment; nothing behind the exit where the image left
        assert calls == [2] * (i + 1) + [0] * (network.exits - i - 1)


@every_space
def test_reach_cost_equals_three_counts_of_the_whole_network(name: str) -> None:
    _, channels, classes = shipped(name)
    for architecture in architectures(name, 10):
        check_macs(architecture, channels, classes)


@pytest.mark.slow
@every_space
def test_reach_cost_equals_three_counts_on_300_architectures(name: str) -> None:
    _, channels, classes = shipped(name)
    for architecture in architectures(name, 300, seed=1):
        check_macs(architecture, channels, classes)


@every_space
def test_parameters_are_those_of_the_network(name: str) -> None:
    _, channels, classes = shipped(name)
    for architecture in architectures(name, 10):
        network = unfilled_network(architecture, channels, classes)
        counted = sum(parameter.numel() for parameter in network.parameters())
        assert network_cost(architecture, classification(channels, classes)).params == counted


@every_space
def test_reach_cost_rises_from_exit_to_exit(name: str) -> None:
    _, channels, classes = shipped(name)
    for architecture in architectures(name, 10):
        reach = network_cost(architecture, classification(channels, classes)).reach_macs
        assert len(reach) == len(architecture.exits) + 1
        assert (np.diff(reach) > 0).all()


def test_an_untaken_exit_still_costs_its_head() -> None:
    space, channels, classes = shipped("mnist5k")
    rng = np.random.default_rng(0)
    architecture = next(a for _ in range(100) if len((a := space.decode(space.sample(rng))).exits) == 2)
    backbones, heads = (
        [sum(layer_cost(layer).macs for layer in part) for part in parts]
        for parts in zip(
            *((s.backbone, s.exit) for s in architecture.segments(classification(channels, classes))),
            strict=True,
        )
    )
    reach = network_cost(architecture, classification(channels, classes)).reach_macs
    assert min(heads) > 0
    assert reach[1] == backbones[0] + backbones[1] + heads[0] + heads[1]


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (square(BlockSpec("conv", 3, 8), 4, 6), 6 * 6 * 9 * 4 * 8),
        (square(BlockSpec("conv", 5, 8, 2, pool="max2"), 4, 7), 4 * 4 * 25 * 4 * 8),
        (square(BlockSpec("dwconv", 3, 8, 2), 4, 6), 3 * 3 * (9 * 4 + 4 * 8)),
        (square(BlockSpec("residual", 3, 8, 2), 4, 6), 3 * 3 * (9 * 4 * 8 + 9 * 8 * 8 + 4 * 8)),
        (square(BlockSpec("residual", 3, 8), 8, 6), 6 * 6 * 2 * 9 * 8 * 8),
        (square(BlockSpec("fused", 3, 8, expansion=2.0), 4, 6), 6 * 6 * (9 * 4 * 8 + 8 * 8)),
        (square(BlockSpec("mbconv", 3, 8, 2, 3.0), 4, 6), 6 * 6 * 4 * 12 + 3 * 3 * (9 * 12 + 12 * 8)),
        (square(BlockSpec("conv", 1, 16, se=True), 4, 6), 6 * 6 * 4 * 16 + 2 * 16 * 4),
        (square(BlockSpec("pool", 3, 4, 2), 4, 6), 0),
        (square(BlockSpec("classifier", 1, 10), 4, 6), 4 * 10),
        (square(BlockSpec("classifier", 1, 10), 4, 6, 12), 4 * 12 + 12 * 10),
    ],
)
def test_a_layers_macs_are_those_of_its_formula(layer: Layer, macs: int) -> None:
    assert layer_cost(layer).macs == macs


def test_counting_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    layer_cost(square(BlockSpec("mbconv", 5, 11, se=True), 13, 9))  # of no other test: counted now
    assert torch.equal(torch.get_rng_state(), before)
