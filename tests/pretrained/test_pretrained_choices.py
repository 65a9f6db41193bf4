"""Spaces around trained networks: where one ends, which of several it is, in which order it answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from space_cases import CLASSES, KIND, NAMES, NETWORK, SEVERAL, TASK, changed, drawn, space

from aebnas.blocks.layer import classifier
from aebnas.blocks.tensor_spec import image
from aebnas.errors import ConfigError
from aebnas.hardware.cost.cost import layer_cost, network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.pretrained.architecture import PretrainedArchitecture
from aebnas.space.pretrained.options import NetworkOptions
from aebnas.space.pretrained.source import NetworkSource
from aebnas.space.pretrained.space import PretrainedKind
from aebnas.task.task import Task
from aebnas.testing import SpaceContract

pytestmark = pytest.mark.usefixtures("code_is_allowed")


class TestEarlierEnds(SpaceContract):
    """Where it ends is a gene; one end is no place of an exit."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return changed(KIND, last=("layer2.0", "layer2", "layer3.0", "output"))


class TestEarlierEndsAlone(SpaceContract):
    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return changed(KIND, resolution=(), last=("layer2.0", "layer2"))


class TestEndsWhereItIsWorthIt(SpaceContract):
    shape = (32, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return changed(KIND, resolution=(), after=("layer1",), last=None, head="keep")


class TestSeveral(SpaceContract):
    """One of them takes images of one size alone, one may end earlier."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return SEVERAL


class TestReordered(SpaceContract):
    """The data have three of the network's classes."""

    shape = (32, 32, 3)
    classes = 3

    def kind(self) -> PretrainedKind:
        return changed(KIND, head="keep", resolution=(), classes=NAMES)


def ended(end: str, **options: object) -> PretrainedArchitecture:
    """A network that ends at a place, with every exit that may be there."""
    kind = changed(KIND, most=None, last=(end, "output"), **options)
    made, whole = space(kind), replace(drawn(changed(kind, last=()), exits=3), last="")
    genes = {gene.name: gene.choices for gene in made.genes}
    genome = {gene.name: index for gene, index in zip(made.genes, made.encode(whole), strict=True)}
    return made.decode(tuple((genome | {"last": genes["last"].index(end)}).values()))


def test_a_network_that_ends_earlier_has_a_new_head_there_and_no_exit_behind() -> None:
    network = ended("layer2.0", head="keep")
    assert network.exits == ("layer1",)
    *_, last = network.segments(TASK)
    assert [layer.end for layer in last.backbone] == ["layer2.0"]
    assert last.exit == (classifier(image(16, 16), CLASSES),)


def test_what_runs_behind_the_end_costs_nothing() -> None:
    network = ended("layer2").without_exits()
    source = NetworkSource(NETWORK).at(TASK.samples)
    (macs,) = network_cost(network, TASK).reach_macs
    assert macs == next(cut.macs for cut in source.cuts if cut.name == "layer2") + 16 * CLASSES


def test_networks_that_end_elsewhere_have_other_keys() -> None:
    keys = {ended(end).without_exits().key() for end in ("layer2.0", "layer2")}
    assert len(keys | {drawn(exits=0).key()}) == 3


def test_without_names_a_network_ends_in_its_second_half_where_it_is_worth_it() -> None:
    made = space(changed(KIND, last=None))
    cuts = {cut.name: cut.macs for cut in NetworkSource(NETWORK).at(TASK.samples).cuts}
    *ends, last = made.positions["last"].choices
    assert last == "output"
    assert ends == ["layer2.0", "layer2", "layer3.0"]
    assert min(cuts[end] for end in ends) >= NetworkSource(NETWORK).at(TASK.samples).macs / 2


def test_genes_of_several_networks_bear_their_names() -> None:
    names = [gene.name for gene in space(SEVERAL).genes]
    assert names[:3] == ["network", "resolution", "exit.CifarResNet.layer1.modules"]
    assert "MobileNetV2.last" in names
    assert "exit.VisionTransformer.blocks.0.modules" in names
    assert space(SEVERAL).positions["network"].choices == ("CifarResNet", "VisionTransformer", "MobileNetV2")


def test_a_network_with_a_resolution_of_its_own_has_that_one_alone() -> None:
    made, rng = space(SEVERAL), np.random.default_rng(0)
    drawn_networks = [made.decode(made.sample(rng)) for _ in range(50)]
    sizes = {network.size for network in drawn_networks if network.label == "VisionTransformer"}
    assert sizes == {(32, 32)}


def test_one_network_with_other_weights_is_another_one_of_several(tmp_path: Path) -> None:
    torch.save(NetworkSource(NETWORK).loaded().module.state_dict(), tmp_path / "own.pt")
    both = NetworkOptions(NETWORK), NetworkOptions(NETWORK, weights=str(tmp_path / "own.pt"))
    assert space(PretrainedKind(both)).positions["network"].choices == ("CifarResNet#1", "CifarResNet#2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": ()}, "names no network"),
        ({"networks": SEVERAL.networks[:1] * 2}, "'user_networks:CifarResNet' stands twice"),
    ],
)
def test_several_networks_that_make_no_sense_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        space(replace(SEVERAL, **options))


def named(*classes: str) -> Task:
    return Task.of_samples((32, 32, 3), classes)


def test_a_kept_head_answers_in_the_order_of_the_data() -> None:
    network = drawn(changed(KIND, head="keep", classes=NAMES))
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        own = NetworkSource(NETWORK).loaded().module.eval()(images)
        *_, last = EarlyExitNetwork(network, named("q", "z", "w")).eval()(images)
    assert torch.equal(last, own[:, [9, 0, 3]])


def test_a_kept_head_of_the_same_order_answers_as_it_is() -> None:
    network = drawn(changed(KIND, head="keep", classes=NAMES))
    assert [layer.spec.type for layer in network.segments(named(*NAMES))[-1].exit] == ["piece"]


@pytest.mark.parametrize(
    ("classes", "task", "words"),
    [
        (NAMES[:4], named(*NAMES[:4]), "names 4 classes, but user_networks:CifarResNet has 10 answers"),
        (NAMES, named("z", "Y", "b"), r"class 'Y' of the data and 1 more is not among those"),
        (("cats", *NAMES[1:]), named("cat", "y"), "Did you mean 'cats'"),
    ],
)
def test_classes_that_do_not_fit_are_told(classes: tuple[str, ...], task: Task, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        drawn(changed(KIND, head="keep", classes=classes)).segments(task)


def test_which_answers_are_taken_costs_nothing_and_has_one_row_in_profiles() -> None:
    network = drawn(changed(KIND, head="keep", classes=NAMES))
    layers = [network.segments(named(*classes))[-1].exit[-1] for classes in ("zxw", "qrs")]
    assert {layer.signature() for layer in layers} == {"reorder-in10-out3@1"}
    assert layer_cost(layers[0]).macs == 0


def test_a_head_that_no_end_has_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"add 'output' to space.last, or set space.head=replace"):
        space(changed(KIND, head="keep", last=("layer2",)))


def test_a_network_cannot_end_behind_its_features() -> None:
    with pytest.raises(ConfigError, match=r"cannot end behind 'layer3', .* name that 'output'"):
        space(changed(KIND, last=("layer3",)))


def test_each_network_alone_at_each_resolution_is_a_baseline() -> None:
    several = space(SEVERAL)
    alone = [several.decode(genome) for genome in several.baselines()]
    assert [(network.label, network.size) for network in alone] == [
        ("CifarResNet", (32, 32)),
        ("CifarResNet", (24, 24)),
        ("VisionTransformer", (32, 32)),
        ("MobileNetV2", (32, 32)),
        ("MobileNetV2", (24, 24)),
    ]
    assert {network.last for network in alone} == {""}
