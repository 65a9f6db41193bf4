"""Trainings begin with training.initial_weights: in searches, final trainings and supernets."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from evaluation.small_evaluations import architecture, config, splits
from torch import nn
from train import final_cases

from aebnas.config.schema import SearchFile
from aebnas.errors import ConfigError, NetworkError
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.nets import weight_sources
from aebnas.nets.named_weights import named_tensors
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import Pretrained, placed, weight_source
from aebnas.search.preparation import prepare
from aebnas.space.architecture import StagedArchitecture
from aebnas.supernet.inheritance import new_supernet
from aebnas.task.input_spec import Normalisation
from aebnas.train.full.full_training import built_network
from aebnas.train.full.plan import TrainingJob

NORMALISATION = {"mean": 0.25, "std": 0.5}
TRAINING = {"initial_weights": "efficientnet_lite0"}
"""A name in whose place the tests put a network of theirs."""


def settings(**sections: Any) -> SearchFile:
    return config(
        space={"normalisation": NORMALISATION, "padding": "same"}, **{"training": TRAINING, **sections}
    )


def normalised(found: StagedArchitecture) -> StagedArchitecture:
    return replace(found, normalisation=Normalisation((0.25,), (0.5,)))


def pretrained(of: StagedArchitecture) -> Pretrained:
    torch.manual_seed(9)
    network = EarlyExitNetwork(of, splits().task)
    tensors = {
        f"{slot}.{name}": tensor
        for slot, layer, module in placed(network)
        for name, tensor in named_tensors(module, layer)
    }
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.constant_(part.bias, 0.125)
    return Pretrained("small", of, splits().task, tensors)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretrained]:
    made = pretrained(normalised(final_cases.architecture()))
    monkeypatch.setitem(weight_sources.SOURCES, "efficientnet_lite0", lambda: made)
    weight_source.cache_clear()
    yield made
    weight_source.cache_clear()


def test_a_candidate_begins_with_them(source: Pretrained, monkeypatch: pytest.MonkeyPatch) -> None:
    found = normalised(architecture())
    made = pretrained(found)
    monkeypatch.setitem(weight_sources.SOURCES, "efficientnet_lite0", lambda: made)
    evaluator = Evaluator(candidate_settings(settings()), splits())
    stem = evaluator.bench.new_network(found).state_dict()["parts.0.backbone.0.0.weight"]
    assert torch.equal(stem, made.tensors["stem.conv.conv.weight"])


def test_a_final_training_begins_with_them_and_so_does_its_twin_without_exits(
    source: Pretrained, tmp_path: Any
) -> None:
    plan = final_cases.plan(**TRAINING)
    for of in (source.architecture, source.architecture.without_exits()):
        network = built_network(TrainingJob("network", of, tmp_path), plan)
        weight = network.state_dict()["parts.0.backbone.0.0.weight"]
        assert torch.equal(weight, source.tensors["stem.conv.conv.weight"])


def test_a_supernet_begins_with_them(monkeypatch: pytest.MonkeyPatch, source: Pretrained) -> None:
    made = pretrained(normalised(architecture()))
    monkeypatch.setitem(weight_sources.SOURCES, "efficientnet_lite0", lambda: made)
    shared = new_supernet(supernet_settings(settings()), splits().task).weights.tensors
    assert torch.equal(shared["stem.conv.conv.weight"], made.tensors["stem.conv.conv.weight"])


def test_results_are_filed_under_what_trainings_began_with() -> None:
    keys = {
        context_key(candidate_settings(settings(training={"initial_weights": name})), "data")
        for name in ("random", "efficientnet_lite0")
    }
    assert len(keys) == 2


def test_a_space_that_they_are_not_for_is_refused_before_anything_is_trained(source: Pretrained) -> None:
    with pytest.raises(ConfigError, match=r"training\.initial_weights: small has other blocks"):
        prepare(settings())


def test_weights_that_are_not_installed_are_told_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weight_source.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NetworkError, match=r"aebnas\[pretrained\]"):
        prepare(settings())
    with pytest.raises(NetworkError, match=r"aebnas\[pretrained\]"):
        Evaluator(candidate_settings(settings()), splits())


def test_a_normalisation_of_other_channels_is_refused() -> None:
    wrong = config(space={"normalisation": {"mean": [0.5, 0.4, 0.3], "std": 0.2}})
    with pytest.raises(ConfigError, match="mean has 3 values, but the images have 1 channel: give one"):
        prepare(wrong)
