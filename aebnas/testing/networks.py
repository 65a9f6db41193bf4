"""What every network that a user brings must hold to."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from aebnas.pretrained.network import PretrainedNetwork
from aebnas.testing.contract import Contract


class NetworkContract(Contract):
    """Laws of a function without arguments that returns a network; ``shape`` and ``classes`` say for what."""

    shape: tuple[int, int, int] = (3, 32, 32)
    """Of the images: channels, height, width."""
    classes: int = 10
    """Of the logits."""

    @abstractmethod
    def make(self) -> Any:
        """Return what the function returns."""

    def test_it_returns_a_module(self) -> None:
        """What is named is called without arguments, and trained as a module."""
        assert isinstance(self.make(), nn.Module)

    def test_it_returns_the_same_layers_every_time(self) -> None:
        """A stored network is built anew, and its weights are read by name."""
        first, second = self._shapes(), self._shapes()
        assert first == second

    def test_its_cut_network_has_one_logit_per_class(self) -> None:
        """The pieces at its cuts are a network of these classes, and there is a place for an exit."""
        cut = PretrainedNetwork(self.make(), "network").at(self.shape)
        assert cut.classes == self.classes
        assert len(cut.worthwhile()) >= 1

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        state: dict[str, torch.Tensor] = self.make().state_dict()
        return {name: tuple(tensor.shape) for name, tensor in state.items()}
