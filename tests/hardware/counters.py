"""MACs of a network counted in three ways that share nothing with ``aebnas.hardware.cost.cost``."""

import copy

import torch
from thop import profile
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import classification

FREE = (
    nn.BatchNorm2d,
    nn.ReLU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.SiLU,
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.AdaptiveAvgPool2d,
)


def unfilled_network(architecture: StagedArchitecture, channels: int, classes: int) -> EarlyExitNetwork:
    """The network in evaluation mode, its weights zero: drawing millions of them would take longest."""
    with torch.device("meta"):
        network = EarlyExitNetwork(architecture, classification(channels, classes))
    network.to_empty(device="cpu").eval()
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.zero_()
    return network


def image(network: EarlyExitNetwork) -> Tensor:
    layer = network.plan[0].backbone[0]
    return torch.zeros(1, *layer.input.shape)


def leave_at(network: EarlyExitNetwork, exit_: int) -> Tensor:
    """Run one image until an exit, trying every exit on the way, and leave there."""
    features = image(network)
    with torch.no_grad():
        for segment in network.segments()[: exit_ + 1]:
            features, logits = segment(features)
    return logits


def flop_counter_macs(network: EarlyExitNetwork, exit_: int) -> int:
    with FlopCounterMode(display=False) as counter:
        leave_at(network, exit_)
    flops: int = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def thop_macs(network: EarlyExitNetwork) -> int:
    """To the last exit; of a copy, because thop leaves its own buffers behind."""
    free = dict.fromkeys(FREE, lambda _module, _inputs, _output: None)
    macs, _ = profile(copy.deepcopy(network), inputs=(image(network),), custom_ops=free, verbose=False)
    return int(macs)


def hooked_run(network: EarlyExitNetwork, exit_: int) -> tuple[int, list[int]]:
    """MACs and calls per segment of a run that leaves at an exit, both seen by hooks alone."""
    macs = [0]
    calls = [0] * network.exits

    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            kernel = module.kernel_size[0] * module.kernel_size[1]
            macs[0] += output.numel() * kernel * module.in_channels // module.groups
        elif isinstance(module, nn.Linear):
            macs[0] += output.numel() * module.in_features

    handles = []
    for i, segment in enumerate(network.segments()):
        leaves = [part for part in segment.modules() if not list(part.children())]
        handles += [leaf.register_forward_hook(count) for leaf in leaves]

        def called(_module: nn.Module, _inputs: tuple[Tensor, ...], _output: Tensor, i: int = i) -> None:
            calls[i] += 1

        handles += [part.register_forward_hook(called) for part in (segment.backbone, segment.exit)]
    try:
        leave_at(network, exit_)
    finally:
        for handle in handles:
            handle.remove()
    return macs[0], calls
