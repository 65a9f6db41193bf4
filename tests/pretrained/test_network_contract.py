"""A network as people write it keeps the contract of networks; one that breaks it is found."""

import pytest
from torch import nn
from user_networks import CifarResNet

import aebnas.testing
from aebnas.pretrained.loading import NETWORK
from aebnas.testing import NetworkContract


class TestResNet(NetworkContract):
    def make(self) -> nn.Module:
        return CifarResNet()


class Odd(NetworkContract):
    """What the tests below vary."""

    __test__ = False

    def __init__(self, *returned: object) -> None:
        self.returned = list(returned)

    def make(self) -> object:
        return self.returned.pop(0)


def test_the_kind_names_a_contract_that_there_is() -> None:
    assert getattr(aebnas.testing, NETWORK.contract) is NetworkContract


def test_what_is_no_module_breaks_the_contract() -> None:
    with pytest.raises(AssertionError):
        Odd([1]).test_it_returns_a_module()


def test_layers_that_differ_from_call_to_call_break_the_contract() -> None:
    with pytest.raises(AssertionError):
        Odd(nn.Linear(2, 4), nn.Linear(2, 5)).test_it_returns_the_same_layers_every_time()


def test_logits_of_other_classes_break_the_contract() -> None:
    odd = Odd(CifarResNet())
    odd.classes = 7
    with pytest.raises(AssertionError):
        odd.test_its_cut_network_has_one_logit_per_class()
