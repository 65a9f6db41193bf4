"""Networks that are traced once for all tests of a process: tracing takes a second each."""

from functools import cache

from torch import nn
from user_networks import network

from aebnas.pretrained.cut_network import CutNetwork
from aebnas.pretrained.network import PretrainedNetwork

SHAPE = (3, 32, 32)


@cache
def pretrained(name: str) -> PretrainedNetwork:
    return PretrainedNetwork(network(name), name)


def cut(name: str) -> CutNetwork:
    return pretrained(name).at(SHAPE)


def cut_module(module: nn.Module, answer: str | int | None = None) -> CutNetwork:
    return PretrainedNetwork(module, "net", answer).at(SHAPE)
