"""A trained network as a space: its exits and resolution searched, itself left as it is."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from space_cases import CLASSES, KIND, NETWORK, TASK, changed, drawn, space

from aebnas.errors import CodeRefusedError, ConfigError, NetworkError
from aebnas.extensions.consent import without_code
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.pretrained.source import NetworkSource
from aebnas.space.pretrained.space import PretrainedKind
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task, classification
from aebnas.testing import SpaceContract

pytestmark = pytest.mark.usefixtures("code_is_allowed")


class TestReplaced(SpaceContract):
    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return KIND


class TestKept(SpaceContract):
    shape = (24, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return changed(
            KIND, network="user_networks:MobileNetV2", head="keep", resolution=(), after=None, most=None
        )


class TestTokens(SpaceContract):
    """Tokens at every exit, a class token at the end."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return changed(
            KIND, network="user_networks:VisionTransformer", resolution=(), after=("blocks.0", "blocks.1")
        )


class TestTokensKept(SpaceContract):
    shape = (32, 32, 3)
    classes = CLASSES

    def kind(self) -> PretrainedKind:
        return changed(
            KIND, network="user_networks:VisionTransformer", resolution=(), after=None, head="keep"
        )


class TestChannelsLast(SpaceContract):
    """Maps whose channels come last, as Swin transformers have them."""

    shape = (32, 32, 3)

    def kind(self) -> PretrainedKind:
        return changed(KIND, network="user_networks:ChannelsLast", resolution=(32, 48), after=None)


def test_a_kept_head_untrained_answers_as_the_network_bit_for_bit() -> None:
    network = drawn(changed(KIND, head="keep"))
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
    all_three = space(changed(KIND, most=None))
    genome = all_three.encode(drawn(changed(KIND, most=None), exits=3))
    assert all_three.decode(genome).exits == ("layer1", "layer2.0", "layer2")
    assert space().decode(genome).exits == ("layer1", "layer2.0")


def test_without_names_exits_stand_where_they_are_worth_it() -> None:
    found = space(changed(KIND, after=None))
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
    taken = drawn(changed(KIND, normalisation=own, colours="bgr")).input(TASK)
    assert taken.normalisation == own
    assert taken.colours == "bgr"


def test_inputs_of_other_networks_are_normalised_by_the_data() -> None:
    task = Task(TASK.samples, CLASSES, Normalisation((0.5,) * 3, (0.2,) * 3))
    assert drawn().input(task).normalisation == task.normalisation


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"after": ("layer22",)}, NetworkError, "Did you mean 'layer2'?"),
        ({"after": ("layer3",)}, ConfigError, "whose exit is the final classifier; remove it"),
        ({"network": "efficientnet_lite1"}, NetworkError, "Did you mean 'efficientnet_lite0'?"),
    ],
)
def test_what_does_not_suit_is_refused_with_its_cure(
    options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        space(changed(KIND, **{"after": None, **options}))
    assert words in str(caught.value)


def test_a_kept_head_of_other_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"set space\.head=replace"):
        drawn(changed(KIND, head="keep")).segments(classification(3, CLASSES + 1, 32))
