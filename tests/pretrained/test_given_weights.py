"""Whether a given network is still what it was, held against its weights."""

import pytest
import torch
from space_cases import CLASSES, KIND, TASK, changed, drawn

from aebnas.nets.given_weights import Given, given_part
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.pretrained.space import PretrainedKind

pytestmark = pytest.mark.usefixtures("code_is_allowed")
KEPT = changed(KIND, head="keep")


def network(kind: PretrainedKind = KEPT, boosting_coefficient: float = 0.0) -> EarlyExitNetwork:
    """A network with two exits around the given one."""
    return EarlyExitNetwork(drawn(kind), TASK, boosting_coefficient)


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
    assert given_part(network(KIND)) is Given.OTHER_HEAD


def test_a_boosted_last_exit_is_another_head() -> None:
    assert given_part(network(boosting_coefficient=0.5)) is Given.OTHER_HEAD


def test_answers_in_another_order_are_those_of_the_network() -> None:
    order = tuple(map(str, reversed(range(CLASSES))))
    assert given_part(network(changed(KEPT, classes=order))) is Given.UNTOUCHED
