"""A trained network as a space: its exits and resolution searched, itself left as it is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from user_networks import CLASSES

from aebnas import allow_code
from aebnas.blocks.layer import classifier
from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.space import BranchConfig, ModuleConfig
from aebnas.errors import CodeRefusedError, ConfigError, NetworkError
from aebnas.extensions.consent import look_in, without_code
from aebnas.hardware.cost.cost import layer_cost, network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.kind import SpaceRequest
from aebnas.space.pretrained.architecture import PretrainedArchitecture
from aebnas.space.pretrained.options import NetworkOptions
from aebnas.space.pretrained.source import NetworkSource
from aebnas.space.pretrained.space import PretrainedKind, PretrainedSpace
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task, classification
from aebnas.testing import SpaceContract

HERE = Path(__file__).parent
NETWORK = "user_networks:CifarResNet"
MODULE = ModuleConfig(type=("conv", "pool"), width=(0.5, 1.0))
BRANCH = BranchConfig(modules=(0, 1), module=MODULE)
KIND = PretrainedKind(
    NETWORK, resolution=(32, 24), after=("layer1", "layer2.0", "layer2"), most=2, branch=BRANCH
)
TASK = classification(3, CLASSES, 32)
NAMES = tuple("zyxwvutsrq")
"""Of the network's classes, in its order."""


@pytest.fixture(scope="module", autouse=True)
def _code_is_allowed() -> Iterator[None]:
    torch.manual_seed(0)
    with allow_code():
        look_in(HERE)
        yield


def space(kind: PretrainedKind = KIND) -> PretrainedSpace:
    return kind.space(SpaceRequest("pretrained", (32, 32), 3))


def drawn(kind: PretrainedKind = KIND, exits: int = 2) -> PretrainedArchitecture:
    """A network with so many exits, at the first resolution."""
    made, rng = space(kind), np.random.default_rng(0)
    while True:
        network = made.decode(made.sample(rng))
        if len(network.exits) == exits and network.size == (32, 32):
            return network


class TestReplaced(SpaceContract):
    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return KIND


class TestKept(SpaceContract):
    shape = (24, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return replace(
            KIND, network="user_networks:MobileNetV2", head="keep", resolution=(), after=None, most=None
        )


class TestTokens(SpaceContract):
    """Tokens at every exit, a class token at the end."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return replace(
            KIND, network="user_networks:VisionTransformer", resolution=(), after=("blocks.0", "blocks.1")
        )


class TestTokensKept(SpaceContract):
    shape = (32, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return replace(
            KIND, network="user_networks:VisionTransformer", resolution=(), after=None, head="keep"
        )


class TestChannelsLast(SpaceContract):
    """Maps whose channels come last, as Swin transformers have them."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return replace(KIND, network="user_networks:ChannelsLast", resolution=(32, 48), after=None)


class TestEarlierEnds(SpaceContract):
    """Where it ends is a gene; one end is no place of an exit."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return replace(KIND, last=("layer2.0", "layer2", "layer3.0", "output"))


class TestEarlierEndsAlone(SpaceContract):
    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return replace(KIND, resolution=(), last=("layer2.0", "layer2"))


class TestEndsWhereItIsWorthIt(SpaceContract):
    shape = (32, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return replace(KIND, resolution=(), after=("layer1",), last=None, head="keep")


SEVERAL = PretrainedKind(
    (
        NetworkOptions(NETWORK, after=("layer1", "layer2")),
        NetworkOptions("user_networks:VisionTransformer", resolution=(32,), after=("blocks.0",)),
        NetworkOptions("user_networks:MobileNetV2", after=("features.2",), last=("features.3", "output")),
    ),
    resolution=(32, 24),
    branch=BRANCH,
)


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
        return replace(KIND, head="keep", resolution=(), classes=NAMES)


def test_a_kept_head_untrained_answers_as_the_network_bit_for_bit() -> None:
    network = drawn(replace(KIND, head="keep"))
    images = torch.randn(3, 3, 32, 32)
    original = NetworkSource(NETWORK).loaded().module.eval()
    with torch.no_grad():
        *_, last = EarlyExitNetwork(network, TASK).eval()(images)
        assert torch.equal(last, original(images))


def test_a_replaced_head_stands_on_the_features_that_the_network_learned() -> None:
    ours, theirs = (EarlyExitNetwork(drawn(), TASK).eval() for _ in range(2))
    x, y = torch.randn(1, 3, 32, 32).repeat(2, 1, 1, 1)[:, None]
    with torch.no_grad():
        for one, other in zip(ours.segments(), theirs.segments(), strict=True):
            x, y = one.backbone(x), other.backbone(y)
            assert torch.equal(x, y)


def test_training_one_candidate_leaves_the_next_one_its_pretrained_weights() -> None:
    trained = EarlyExitNetwork(drawn(), TASK)
    with torch.no_grad():
        for weight in trained.parameters():
            weight.zero_()
    first = EarlyExitNetwork(drawn(), TASK).segments()[0].backbone[0]
    assert all(bool(weight.any()) for name, weight in first.named_parameters() if "conv" in name)


def test_later_exits_than_the_most_allowed_are_dropped() -> None:
    all_three = space(replace(KIND, most=None))
    genome = all_three.encode(drawn(replace(KIND, most=None), exits=3))
    assert all_three.decode(genome).exits == ("layer1", "layer2.0", "layer2")
    assert space().decode(genome).exits == ("layer1", "layer2.0")


def test_without_names_exits_stand_where_they_are_worth_it() -> None:
    found = space(replace(KIND, after=None))
    worthwhile = NetworkSource(NETWORK).at(TASK.samples).worthwhile()
    assert found.exit_positions == tuple(cut.name for cut in worthwhile)


def test_a_network_is_read_without_its_code() -> None:
    script = """
import json, sys
from aebnas.space.pretrained.space import PretrainedKind
network = PretrainedKind.architecture(json.loads(sys.argv[1]))
print(network.key(), len(network.drawing().lines()), "torch" in sys.modules, "user_networks" in sys.modules)
"""
    network = drawn()
    command = [sys.executable, "-c", script, json.dumps(network.to_dict())]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert words == [network.key(), str(len(network.drawing().lines())), "False", "False"]


def test_its_layers_need_consent() -> None:
    network = replace(drawn(), network="user_networks:DenseNet")
    with without_code(), pytest.raises(CodeRefusedError, match="user_networks:DenseNet is code from outside"):
        network.segments(TASK)


def test_another_network_under_the_same_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not the network that it was"):
        replace(drawn(), identity="0" * 24).segments(TASK)


def test_where_the_weights_lie_does_not_matter_to_the_key() -> None:
    network = drawn()
    moved = replace(network, weights="elsewhere.safetensors")
    assert moved.key() == network.key()
    assert moved == network


def test_other_weights_are_another_identity(tmp_path: Path) -> None:
    source = NetworkSource(NETWORK)
    state = {name: tensor + 1 for name, tensor in source.loaded().module.state_dict().items()}
    torch.save(state, tmp_path / "other.pt")
    other = NetworkSource(NETWORK, str(tmp_path / "other.pt"))
    assert other.identity(TASK.samples) != source.identity(TASK.samples)
    assert other.at(TASK.samples).digest == source.at(TASK.samples).digest


def test_inputs_are_normalised_and_ordered_as_the_network_was_trained() -> None:
    own = Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    taken = drawn(replace(KIND, normalisation=own, colours="bgr")).input(TASK)
    assert taken.normalisation == own
    assert taken.colours == "bgr"


def test_inputs_of_other_networks_are_normalised_by_the_data() -> None:
    task = Task(TASK.samples, CLASSES, Normalisation((0.5,) * 3, (0.2,) * 3))
    assert drawn().input(task).normalisation == task.normalisation


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"after": ("layer22",)}, NetworkError, "Did you mean 'layer2'?"),
        ({"after": ("layer3",)}, ConfigError, "whose exit is the final classifier; remove it"),
        ({"network": "efficientnet_lite1"}, NetworkError, "Did you mean 'efficientnet_lite0'?"),
    ],
)
def test_what_does_not_suit_is_refused_with_its_cure(
    changed: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        space(replace(KIND, **{"after": None, **changed}))
    assert words in str(caught.value)


def test_a_kept_head_of_other_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"set space\.head=replace"):
        drawn(replace(KIND, head="keep")).segments(classification(3, CLASSES + 1, 32))


def ended(end: str, **changed: object) -> PretrainedArchitecture:
    """A network that ends at a place, with every exit that may be there."""
    kind = replace(KIND, most=None, last=(end, "output"), **changed)
    made, whole = space(kind), replace(drawn(replace(kind, last=()), exits=3), last="")
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
    made = space(replace(KIND, last=None))
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
    ("changed", "words"),
    [
        ({"network": ()}, "names no network"),
        ({"network": SEVERAL.networks[:1] * 2}, "'user_networks:CifarResNet' stands twice"),
        ({"weights": "own.pt"}, r"space.weights belongs to one network, but space.network has 3"),
        ({"after": ("layer1",)}, r"say it of its own, network: \[\{network: ..., after: ...\}"),
    ],
)
def test_several_networks_that_make_no_sense_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        space(replace(SEVERAL, **changed))


def named(*classes: str) -> Task:
    return Task.of_samples((32, 32, 3), classes)


def test_a_kept_head_answers_in_the_order_of_the_data() -> None:
    network = drawn(replace(KIND, head="keep", classes=NAMES))
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        own = NetworkSource(NETWORK).loaded().module.eval()(images)
        *_, last = EarlyExitNetwork(network, named("q", "z", "w")).eval()(images)
    assert torch.equal(last, own[:, [9, 0, 3]])


def test_a_kept_head_of_the_same_order_answers_as_it_is() -> None:
    network = drawn(replace(KIND, head="keep", classes=NAMES))
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
        drawn(replace(KIND, head="keep", classes=classes)).segments(task)


def test_which_answers_are_taken_costs_nothing_and_has_one_row_in_profiles() -> None:
    network = drawn(replace(KIND, head="keep", classes=NAMES))
    layers = [network.segments(named(*classes))[-1].exit[-1] for classes in ("zxw", "qrs")]
    assert {layer.signature() for layer in layers} == {"reorder-in10-out3@1"}
    assert layer_cost(layers[0]).macs == 0


def test_a_head_that_no_end_has_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"add 'output' to space.last, or set space.head=replace"):
        space(replace(KIND, head="keep", last=("layer2",)))


def test_a_network_cannot_end_behind_its_features() -> None:
    with pytest.raises(ConfigError, match=r"cannot end behind 'layer3', .* name that 'output'"):
        space(replace(KIND, last=("layer3",)))
