"""Whether a given network is still what it was, held against its weights."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from user_networks import CLASSES

from aebnas import allow_code
from aebnas.config.sections.space import BranchConfig, ModuleConfig
from aebnas.extensions.consent import look_in
from aebnas.nets.given_weights import Given, given_part
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.kind import SpaceRequest
from aebnas.space.pretrained.space import PretrainedKind
from aebnas.task.task import classification

KIND = PretrainedKind(
    "user_networks:CifarResNet",
    head="keep",
    after=("layer1", "layer2"),
    branch=BranchConfig(modules=(0, 1), module=ModuleConfig(type=("conv",))),
)


@pytest.fixture(scope="module", autouse=True)
def _code_is_allowed() -> Iterator[None]:
    torch.manual_seed(0)
    with allow_code():
        look_in(Path(__file__).parent)
        yield


def network(kind: PretrainedKind = KIND, boosting_coefficient: float = 0.0) -> EarlyExitNetwork:
    """A network with two exits around the given one."""
    space, rng = kind.space(SpaceRequest("pretrained", (32, 32), 3)), np.random.default_rng(0)
    while True:
        architecture = space.decode(space.sample(rng))
        if len(architecture.exit_names) == 2:
            return EarlyExitNetwork(architecture, classification(3, CLASSES, 32), boosting_coefficient)


def test_with_exits_trained_alone_a_given_network_is_untouched() -> None:
    some = network()
    with torch.no_grad():
        for part in some.segments()[:-1]:
            for weight in part.exit.parameters():
                weight.add_(1.0)
    assert given_part(some) is Given.UNTOUCHED


@pytest.mark.parametrize("name", ["running_mean", "weight"])
def test_a_single_changed_number_is_a_training(name: str) -> None:
    some = network()
    tensors = some.segments()[0].backbone.state_dict()
    tensor = next(tensor for key, tensor in tensors.items() if key.endswith(name))
    with torch.no_grad():
        tensor.view(-1)[0] = torch.nextafter(tensor.view(-1)[0], torch.tensor(torch.inf))
    assert given_part(some) is Given.TRAINED


def test_a_new_classifier_is_another_head() -> None:
    assert given_part(network(replace(KIND, head="replace"))) is Given.OTHER_HEAD


def test_a_boosted_last_exit_is_another_head() -> None:
    assert given_part(network(boosting_coefficient=0.5)) is Given.OTHER_HEAD
