"""Rates of the backbone's own, and batch norms that keep what a pretrained network learned."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
from small_training import FP32, FixedBatches, network, random_batch
from torch import Tensor, nn

from aebnas import allow_code
from aebnas.config import parse
from aebnas.config.sections.space import BranchConfig, ModuleConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import ConfigError
from aebnas.extensions.consent import look_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.kind import SpaceRequest
from aebnas.space.pretrained.options import NetworkOptions
from aebnas.space.pretrained.space import PretrainedKind
from aebnas.task.task import classification
from aebnas.training.train import train

EQUAL = (1.0, 1.0)
CLASSES = 10


@pytest.fixture(scope="module", autouse=True)
def _code_is_allowed() -> Iterator[None]:
    with allow_code():
        look_in(Path(__file__).parents[1] / "pretrained")
        yield


@cache
def made_once() -> EarlyExitNetwork:
    """A network that somebody brought, with one early exit behind its first layer; do not change it."""
    torch.manual_seed(0)
    branch = BranchConfig(modules=(0,), module=ModuleConfig(type=("conv",)))
    kind = PretrainedKind(
        (NetworkOptions("user_networks:CifarResNet", after=("layer1",)),),
        resolution=(32,),
        branch=branch,
        head="keep",
    )
    space = kind.space(SpaceRequest("pretrained", (32, 32), 3))
    architecture = space.decode(tuple(count - 1 for count in space.cardinalities))
    assert architecture.exit_names
    return EarlyExitNetwork(architecture, classification(3, CLASSES, 32))


def given_network() -> EarlyExitNetwork:
    return deepcopy(made_once())


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 3, 32, 32, generator=generator), torch.arange(8) % CLASSES


def step(made: EarlyExitNetwork, data: tuple[Tensor, Tensor], **settings: object) -> dict[str, Tensor]:
    """Train one step; return the change of every weight and statistic."""
    before = {name: value.clone() for name, value in made.state_dict().items()}
    config = TrainingConfig(epochs=1, momentum=0, clip_norm=None, weight_decay=0, **settings)
    train(made, FixedBatches(data), config, EQUAL, FP32)
    return {name: value - before[name] for name, value in made.state_dict().items()}


# ---------------------------------------------------------------- rates
def test_the_backbone_takes_smaller_steps_and_exits_whole_ones() -> None:
    plain, slower = (step(network(), random_batch(), backbone_rate_multiplier=m) for m in (1.0, 0.25))
    weights = dict(network().named_parameters())
    for name in weights:
        share = 0.25 if ".backbone." in name else 1.0
        torch.testing.assert_close(slower[name], share * plain[name], rtol=1e-4, atol=1e-7)
    assert {".backbone." in name for name in weights} == {True, False}


def test_the_classifier_that_a_network_brought_learns_as_slowly_as_its_backbone() -> None:
    plain, slower = (step(given_network(), batch(), backbone_rate_multiplier=m) for m in (1.0, 0.25))
    made = given_network()
    for name, _ in made.named_parameters():
        share = 1.0 if name.startswith("parts.0.exit") else 0.25
        torch.testing.assert_close(slower[name], share * plain[name], rtol=1e-3, atol=1e-6)


def test_a_multiplier_of_one_changes_no_bit() -> None:
    one, other = (
        step(network(), random_batch()),
        step(network(), random_batch(), backbone_rate_multiplier=1.0),
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


# ---------------------------------------------------------------- batch norms
def statistics(change: dict[str, Tensor]) -> dict[str, bool]:
    """Return which running means have moved."""
    return {name: bool(value.any()) for name, value in change.items() if name.endswith("running_mean")}


def test_frozen_batch_norms_of_a_backbone_keep_their_statistics_and_learn_scale_and_shift() -> None:
    change = step(network(), random_batch(), frozen_batch_norm=True)
    moved = statistics(change)
    assert moved
    assert all(is_moved == (".exit." in name) for name, is_moved in moved.items())
    norms = [name for name, module in network().named_modules() if isinstance(module, nn.BatchNorm2d)]
    learned = [name for name in norms if change[f"{name}.weight"].any() and change[f"{name}.bias"].any()]
    assert any(".backbone." in name for name in learned)


def test_frozen_batch_norms_of_a_given_network_keep_their_statistics_and_its_weights_learn() -> None:
    frozen, plain = (step(given_network(), batch(), frozen_batch_norm=value) for value in (True, False))
    brought = [name for name, _ in given_network().named_parameters() if ".backbone." in name]
    moved = statistics(frozen)
    assert not any(is_moved for name, is_moved in moved.items() if ".backbone." in name)
    assert any(is_moved for name, is_moved in statistics(plain).items() if ".backbone." in name)
    assert all(frozen[name].any() for name in brought)


def test_after_a_training_with_frozen_batch_norms_all_of_the_network_is_in_training_mode() -> None:
    made = network()
    step(made, random_batch(), frozen_batch_norm=True)
    assert all(module.training for module in made.modules())


# ---------------------------------------------------------------- messages and identity
FILE = (
    "name: tiny\ndata: {name: digits}\nspace: {stages: [{width: 8}]}\ntraining: {frozen_batch_norm: true}\n"
)


def test_drawn_weights_have_no_statistics_to_keep() -> None:
    with pytest.raises(ConfigError) as error:
        parse(FILE.encode(), "tiny.yaml")
    assert str(error.value) == (
        "tiny.yaml:4: training.frozen_batch_norm: goes with pretrained weights, whose statistics are worth "
        "keeping, but this training begins with drawn ones; leave it out"
    )


def test_options_that_are_off_leave_no_trace_in_what_results_are_filed_under() -> None:
    assert not set(TrainingConfig.traceless) & set(TrainingConfig().deciding())
    assert TrainingConfig(backbone_rate_multiplier=0.1).deciding()["backbone_rate_multiplier"] == 0.1
