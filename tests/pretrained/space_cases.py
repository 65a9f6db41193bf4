"""Small spaces around the networks of ``user_networks``, for tests."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from user_networks import CLASSES

from aebnas.config.sections.space import BranchConfig, ModuleConfig
from aebnas.space.kind import SpaceRequest
from aebnas.space.pretrained.architecture import PretrainedArchitecture
from aebnas.space.pretrained.options import NetworkOptions
from aebnas.space.pretrained.space import PretrainedKind, PretrainedSpace
from aebnas.task.task import classification

HERE = Path(__file__).parent
NETWORK = "user_networks:CifarResNet"
MODULE = ModuleConfig(type=("conv", "pool"), width=(0.5, 1.0))
BRANCH = BranchConfig(modules=(0, 1), module=MODULE)
KIND = PretrainedKind(
    (NetworkOptions(NETWORK, after=("layer1", "layer2.0", "layer2")),),
    resolution=(32, 24),
    most=2,
    branch=BRANCH,
)
TASK = classification(3, CLASSES, 32)
NAMES = tuple("zyxwvutsrq")
"""Of the network's classes, in its order."""


def changed(kind: PretrainedKind, **options: Any) -> PretrainedKind:
    """The same with other options, of its networks or of all; the resolution is that of all."""
    own = {field.name for field in fields(NetworkOptions)} - {"resolution"}
    of_networks = {name: value for name, value in options.items() if name in own}
    of_all = {name: value for name, value in options.items() if name not in own}
    return replace(kind, networks=tuple(replace(it, **of_networks) for it in kind.networks), **of_all)


def space(kind: PretrainedKind = KIND) -> PretrainedSpace:
    return kind.space(SpaceRequest("pretrained", (32, 32), 3))


def drawn(kind: PretrainedKind = KIND, exits: int = 2) -> PretrainedArchitecture:
    """A network with so many exits, at the first resolution."""
    made, rng = space(kind), np.random.default_rng(0)
    while True:
        network = made.decode(made.sample(rng))
        if len(network.exits) == exits and network.size == (32, 32):
            return network


SEVERAL = PretrainedKind(
    (
        NetworkOptions(NETWORK, after=("layer1", "layer2")),
        NetworkOptions("user_networks:VisionTransformer", resolution=(32,), after=("blocks.0",)),
        NetworkOptions("user_networks:MobileNetV2", after=("features.2",), last=("features.3", "output")),
    ),
    resolution=(32, 24),
    branch=BRANCH,
)
