"""Every search-space file that ships: it loads, decodes, encodes, builds and runs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import FOLDER, SHIPPED, every_space, shipped

from aebnas.blocks.layer import Layer
from aebnas.config import SearchFile, load
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.genes import Genome
from aebnas.space.search_space import StagedSpace
from aebnas.space.spaces import space_of
from aebnas.task.task import classification

CIFAR = [name for name in SHIPPED if name.startswith("cifar10_")]


def genomes(space: StagedSpace) -> st.SearchStrategy[Genome]:
    return st.tuples(*(st.integers(0, count - 1) for count in space.cardinalities))


def outputs_shape(config: SearchFile, architecture: StagedArchitecture) -> list[tuple[int, ...]]:
    """The shapes of all exits' logits for two images."""
    shape, classes = shape_and_classes(config.data)
    network = EarlyExitNetwork(architecture, classification(shape[2], classes)).eval()
    with torch.inference_mode():
        logits = network(torch.randn(2, shape[2], architecture.resolution, architecture.resolution))
    return [tuple(z.shape) for z in logits]


def test_the_spaces_of_the_paper_and_of_this_project_ship() -> None:
    assert {"mnist5k", "cifar10_mbconv", "cifar10_mbconv_wide", "cifar10_dense"} <= set(SHIPPED)


@every_space
def test_a_random_architecture_builds_and_runs(name: str) -> None:
    space, _, classes = shipped(name)
    architecture = space.decode(space.sample(np.random.default_rng(1)))
    found = outputs_shape(load(FOLDER / f"{name}.yaml", []), architecture)
    assert found == [(2, classes)] * (len(architecture.exits) + 1)


@pytest.mark.parametrize(("data", "classes"), [("cifar100", 100), ("svhn", 10)])
@pytest.mark.parametrize("name", CIFAR)
def test_the_cifar10_spaces_serve_cifar100_and_svhn(name: str, data: str, classes: int) -> None:
    config = load(FOLDER / f"{name}.yaml", [f"data={{name: {data}}}"])
    shape, _ = shape_and_classes(config.data)
    architecture = space_of(config, shape).decode(space_of(config, shape).sample(np.random.default_rng(2)))
    assert set(outputs_shape(config, architecture)) == {(2, classes)}


@every_space
@given(data=st.data())
def test_an_encoded_genome_decodes_to_the_same_architecture(name: str, data: st.DataObject) -> None:
    space, _, _ = shipped(name)
    architecture = space.decode(data.draw(genomes(space)))
    assert space.decode(space.encode(architecture)) == architecture


@every_space
@settings(max_examples=5)
@given(data=st.data())
def test_segments_one_after_another_are_exactly_the_network(name: str, data: st.DataObject) -> None:
    space, channels, classes = shipped(name)
    architecture = space.decode(data.draw(genomes(space)))
    network = EarlyExitNetwork(architecture, classification(channels, classes)).eval()
    x = torch.randn(2, channels, architecture.resolution, architecture.resolution)
    with torch.inference_mode():
        whole, piecewise, features = network(x), [], x
        for segment in network.segments():
            features, logits = segment(features)
            piecewise.append(logits)
    assert [tuple(z.shape) for z in whole] == [(2, classes)] * (len(architecture.exits) + 1)
    assert all(torch.equal(a, b) for a, b in zip(whole, piecewise, strict=True))


@every_space
def test_no_two_layers_of_a_space_share_a_signature(name: str) -> None:
    space, channels, classes = shipped(name)
    rng = np.random.default_rng(0)
    layers: set[Layer] = set()
    for _ in range(300):
        plan = space.decode(space.sample(rng)).segments(classification(channels, classes))
        layers.update(layer for segment in plan for layer in segment.layers())
    assert len({layer.signature() for layer in layers}) == len(layers) > 100


@every_space
def test_the_gene_groups_are_stages_exits_and_thresholds(name: str) -> None:
    space, _, _ = shipped(name)
    stages = space.config.stage_names()
    allowed = {"input", "thresholds", *stages, *(f"exit.{stage}" for stage in space.config.exits.after)}
    assert {gene.group for gene in space.genes} <= allowed


# ---------------------------------------------------------------- what the files promise in words
def test_the_mbconv_space_is_mobilenetv3_as_once_for_all_has_it() -> None:
    space, _, _ = shipped("cifar10_mbconv")
    stages = space.decode(space.sample(np.random.default_rng(0))).stages
    assert [stage.name for stage in stages] == ["entry", "stage1", "stage2", "stage3", "stage4", "stage5"]
    assert [stage.width for stage in stages] == [16, 24, 40, 80, 112, 160]
    assert [stage.stride for stage in stages] == [1, 2, 2, 2, 1, 2]
    assert [stage.blocks[0].se for stage in stages] == [False, False, True, False, True, True]
    assert [stage.blocks[0].activation for stage in stages] == ["relu"] * 3 + ["hswish"] * 3


def test_the_mbconv_space_trains_as_many_candidates_as_the_paper() -> None:
    search = load(FOLDER / "cifar10_mbconv.yaml", []).search
    assert search.offspring is not None
    assert search.population + search.offspring * (search.generations - 1) == 340


def test_the_dense_space_is_small_enough_for_one_core() -> None:
    space, channels, classes = shipped("cifar10_dense")
    rng = np.random.default_rng(0)
    macs = [
        network_cost(space.decode(space.sample(rng)), classification(channels, classes)).reach_macs[-1]
        for _ in range(60)
    ]
    assert 8e6 < np.median(macs) < 12e6
    largest = [len(gene.choices) - 1 for gene in space.genes]
    for i, gene in enumerate(space.genes):
        if gene.name.endswith((".type", ".pool", ".stride")):
            largest[i] = 0
    assert network_cost(space.decode(tuple(largest)), classification(channels, classes)).reach_macs[-1] < 40e6
