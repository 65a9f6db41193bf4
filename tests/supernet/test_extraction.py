"""What is extracted is what was trained, for every network of every shipped space."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import every_space, shipped
from small_supernets import architectures, untrained
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.named_weights import named_weights
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import ExitSpec, StagedArchitecture
from aebnas.supernet.supernet import Supernet
from aebnas.supernet.weights import part_of
from aebnas.task.task import classification


@cache
def supernet(name: str) -> Supernet:
    """The supernet of a shipped space, every weight drawn anew so that none is zero or one by design."""
    space, channels, classes = shipped(name)
    found = Supernet(space, classification(channels, classes))
    generator = torch.Generator().manual_seed(1)
    for tensor in found.weights.tensors.values():
        tensor.add_(0.05 * torch.randn(tensor.shape, generator=generator))
    return found


def images(one: Supernet, architecture: StagedArchitecture, count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    shape = (count, *architecture.input(one.task).shape)
    return torch.randn(shape, generator=generator)


def weights_of(one: Supernet, network: EarlyExitNetwork, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of each shared tensor that a weight of the network stands for, by the network's names."""
    names = {id(weight): name for name, weight in network.named_parameters()}
    found = {}
    plan = network.architecture.segments(one.task)
    for part, segment in zip(network.segments(), plan, strict=True):
        modules = [*part.backbone, *part.exit]
        layers, at = segment.layers(), (*segment.backbone_slots, *segment.exit_slots)
        for module, layer, slot in zip(modules, layers, at, strict=True):
            for name, weight in named_weights(module, layer):
                found[names[id(weight)]] = part_of(tensors[f"{slot}.{name}"], weight.shape)
    return found


def check(name: str, seed: int) -> None:
    one = supernet(name)
    architecture = one.space.decode(one.space.sample(np.random.default_rng(seed)))
    network = one.extract(architecture)
    x = images(one, architecture)
    with torch.no_grad():
        sampled = [logits[0] for logits in one.sample_subnet([architecture]).network(x)]
        for mine, theirs in zip(network.train()(x), sampled, strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)
        # a third way to the same answer: a plain network that computes with views of the shared tensors;
        # in float64, as batches of two through many batch norms amplify rounding: 1e-16 to 2e-9 was seen
        plain = EarlyExitNetwork(architecture, one.task, make=Layer.build).double().train()
        views = {name: view.double() for name, view in weights_of(one, plain, one.weights.tensors).items()}
        viewed = functional_call(plain, views, (x.double(),))
        for mine, third in zip(network.double()(x.double()), viewed, strict=True):
            torch.testing.assert_close(mine, third, atol=1e-6, rtol=1e-6)
    cost = network_cost(architecture, one.task)
    assert sum(p.numel() for p in network.parameters()) == cost.params


@every_space
@settings(max_examples=3)
@given(seed=st.integers(0, 2**31))
def test_an_extracted_network_answers_as_the_supernet_does(name: str, seed: int) -> None:
    check(name, seed)


@pytest.mark.slow
@every_space
@settings(max_examples=200)
@given(seed=st.integers(0, 2**31))
def test_200_extracted_networks_answer_as_the_supernet_does(name: str, seed: int) -> None:
    check(name, seed)


@every_space
def test_an_extracted_network_has_the_macs_of_its_architecture(name: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    one = supernet(name)
    architecture = one.space.decode(one.space.sample(np.random.default_rng(3)))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        one.extract(architecture).eval()(images(one, architecture, 1))
    macs = network_cost(architecture, one.task).reach_macs[-1]
    assert counter.get_total_flops() / 2 == macs


def test_branches_whose_modules_reach_one_pixel_have_their_weights_too() -> None:
    module = {"type": ["mbconv", "fused", "residual", "dwconv"], "stride": 2, "pool": "max2", "width": 1}
    exits = {"after": ["stage1"], "branch": {"modules": [1, 2], "module": module}}
    stages = [{"width": 8}, {"width": 8, "stride": 2}]
    one = untrained(
        space={"resolution": 8, "stem": {"width": 8, "stride": 2}, "stages": stages, "exits": exits}
    )
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        architecture = one.space.decode(one.space.sample(rng))
        modules = [module for exit_ in architecture.exits for module in exit_.modules]
        seen |= {module.type for module in modules if module.stride == 1}
        x = images(one, architecture)
        for mine, sampled in zip(
            one.extract(architecture).train()(x), one.sample_subnet([architecture]).network(x), strict=True
        ):
            torch.testing.assert_close(mine, sampled[0], atol=1e-5, rtol=1e-5)
    assert seen == {"mbconv", "fused", "residual", "dwconv"}, "at one pixel none strides"


@pytest.mark.parametrize(("size", "has_skip"), [(32, False), (8, True)])
def test_only_modules_that_may_reach_one_pixel_get_weights_for_it(size: int, has_skip: bool) -> None:
    module = {"type": "mbconv", "stride": 2, "pool": "none", "width": 1}
    exits = {"after": ["stage1"], "branch": {"modules": [1, 2, 3], "module": module}}
    stages = [{"width": 8}, {"width": 8, "stride": 2}]
    space = {"resolution": [size, 64], "stem": {"width": 8, "stride": 2}, "stages": stages, "exits": exits}
    names = untrained(space=space).weights.tensors
    assert any("module.mbconv.project.norm_in_skip" in name for name in names) == has_skip
    assert any("module.mbconv.project.norm." in name for name in names)


def test_extracted_weights_are_copies() -> None:
    one = untrained()
    architecture = architectures(1)[0]
    network = one.extract(architecture)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for tensor in one.weights.tensors.values():
        tensor.add_(1)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_gradients_come_back_as_autograd_finds_them_on_the_shared_weights() -> None:
    one = untrained()
    for architecture in architectures(8):
        x, labels = images(one, architecture, 16), torch.arange(16) % 10
        leaves = {name: t.clone().requires_grad_() for name, t in one.weights.tensors.items()}
        plain = EarlyExitNetwork(architecture, one.task).train()
        for logits in functional_call(plain, weights_of(one, plain, leaves), (x,)):
            cross_entropy(logits, labels).backward(retain_graph=True)
        subnet = one.sample_subnet([architecture])
        torch.stack([cross_entropy(logits[0], labels) for logits in subnet.network(x)]).sum().backward()
        subnet.accumulate_gradients()
        for name, leaf in leaves.items():
            expected = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            torch.testing.assert_close(one.weights.gradients[name], expected, atol=1e-5, rtol=1e-4)
        one.weights.forget_gradients()


def test_gradients_are_averaged_over_the_networks_that_use_a_weight() -> None:
    one = untrained()
    architecture = architectures(1)[0]
    x = images(one, architecture, 16)

    def used(times: int) -> dict[str, Tensor]:
        for _ in range(times):
            subnet = one.sample_subnet([architecture])
            torch.stack([logits.square().mean() for logits in subnet.network(x)]).sum().backward()
            subnet.accumulate_gradients()
        one.weights.average_gradients()
        found = {name: gradient.clone() for name, gradient in one.weights.gradients.items()}
        one.weights.forget_gradients()
        return found

    once, thrice = used(1), used(3)
    assert any(gradient.any() for gradient in once.values())
    for name, gradient in once.items():
        torch.testing.assert_close(thrice[name], gradient)


def test_branches_of_several_architectures_answer_side_by_side() -> None:
    one = untrained()
    first = next(a for a in architectures(20) if a.exits and not a.exits[0].modules)
    second = replace(first, exits=(ExitSpec("stage1", (BlockSpec("conv", 3, 4),)),))
    x = images(one, first)
    with torch.no_grad():
        together = one.sample_subnet([first, second]).network(x)
        for i, architecture in enumerate((first, second)):
            alone = one.sample_subnet([architecture]).network(x)
            torch.testing.assert_close(together[0][i], alone[0][0])
    assert together[-1].shape == (1, 2, 10)


def test_a_smaller_kernel_is_the_centre_and_a_narrower_layer_the_first_channels() -> None:
    shared = torch.arange(6 * 4 * 5 * 5).view(6, 4, 5, 5)
    assert (part_of(shared, (2, 3, 3, 3)) == shared[:2, :3, 1:4, 1:4]).all()


def test_a_weight_that_is_larger_than_the_shared_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(7, 4\) is no part of one of \(6, 4\)"):
        part_of(torch.zeros(6, 4), (7, 4))


def test_an_extracted_network_begins_like_a_plain_one() -> None:
    """The last batch norm of each skip starts at zero, all others at one."""
    network = untrained().extract(
        next(a for a in architectures(50) if a.stages[0].blocks[0].type == "residual")
    )
    norms = [p for p in network.segments()[0].backbone[1].modules() if isinstance(p, nn.BatchNorm2d)]
    assert [float(norm.weight.detach().unique().item()) for norm in norms][:2] == [1.0, 0.0]
