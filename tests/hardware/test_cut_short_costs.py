"""What networks cost that end at an exit and have no earlier heads, in MACs and on devices."""

import numpy as np
import pytest
from counters import flop_counter_macs, unfilled_network
from hardware.synthetic_profiles import by_macs, profile_of
from shipped import shipped

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import image
from aebnas.hardware.cost.cost import layer_cost, network_cost, plan_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.api import Segment, cut_short
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification

TASK = classification(3, 10)


def with_two_exits() -> StagedArchitecture:
    """A network of a shipped space with two early exits."""
    space, _, _ = shipped("cifar10_mbconv")
    rng = np.random.default_rng(0)
    while True:
        architecture = space.decode(space.sample(rng))
        if len(architecture.exit_names) == 2:
            assert isinstance(architecture, StagedArchitecture)
            return architecture


def head_macs(segment: Segment) -> int:
    return sum(layer_cost(layer).macs for layer in segment.exit)


def test_earlier_heads_are_left_out() -> None:
    plan = with_two_exits().segments(TASK)
    cost = plan_cost(plan)
    heads = np.array([0, head_macs(plan[0]), head_macs(plan[0]) + head_macs(plan[1])])
    assert cost.cut_short_macs.tolist() == (cost.reach_macs - heads).tolist()


def test_the_whole_network_cut_short_is_the_network_without_exits() -> None:
    architecture = with_two_exits()
    alone = architecture.without_exits()
    assert network_cost(architecture, TASK).cut_short_macs[-1] == network_cost(alone, TASK).reach_macs[-1]
    counted = flop_counter_macs(unfilled_network(alone, 3, 10), 0)
    assert network_cost(architecture, TASK).cut_short_macs[-1] == counted


def test_on_a_device_it_is_one_segment() -> None:
    architecture = with_two_exits()
    layers = [layer for segment in architecture.segments(TASK) for layer in segment.layers()]
    devices = DeviceCosts((profile_of(dict.fromkeys(layers), "board", by_macs),))
    costs = devices.cut_short_costs(architecture, TASK)["latency_ms@board"]
    reach = devices.reach_costs(architecture, TASK)["latency_ms@board"]
    alone = devices.reach_costs(architecture.without_exits(), TASK)["latency_ms@board"]
    assert costs[0] == reach[0]
    assert costs[-1] == pytest.approx(alone[-1])
    assert all(cost < whole for cost, whole in zip(costs[1:], reach[1:], strict=True))


def test_behind_the_image_read_again_what_ran_before_is_left_out() -> None:
    pixels = image(3, 8)
    first = Layer(BlockSpec("conv", 3, 8), pixels)
    second = Layer(BlockSpec("conv", 3, 16), pixels)
    plan = [
        Segment((first,), (classifier(first.output, 10),), "small"),
        Segment((second,), (classifier(second.output, 10),), reads="image"),
    ]
    (whole,) = cut_short(plan, 1)
    assert whole.backbone == (second,)
    assert plan_cost(plan).cut_short_macs[1] == plan_cost([whole]).reach_macs[0]
