"""Where the first weights of networks come from: drawn at random, or of a pretrained network.

A pretrained network has a description of its own.  A block takes its weights where it stands at the same
slot and is the same block; so blocks 1 to d of a stage are kept, whatever d, and resolution and exits are
free.  What the pretrained network lacks (exit branches), or answers otherwise (a classifier of other
classes), stays as it was drawn.  A backbone of other blocks is refused: weights mean nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Protocol

import torch
from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import ConfigError
from aebnas.nets import efficientnet_lite0
from aebnas.nets.named_weights import named_tensors
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.names import CLASSIFIER
from aebnas.task.task import Task

NAMED = 3
"""Blocks that do not fit which a message names."""


class WeightSource(Protocol):
    """Where the first weights of networks come from."""

    def load(self, network: EarlyExitNetwork) -> list[str]:
        """Give a new network its first weights; return the slots that keep what was drawn.

        Raises:
            ConfigError: The network is none that the weights are for.
        """

    def check(self, space: SearchSpace, task: Task) -> list[str]:
        """Return the slots of a space whose weights stay as they are drawn.

        Raises:
            ConfigError: Networks of the space are none that the weights are for.
        """

    def fill(self, shared: Mapping[str, Tensor]) -> None:
        """Give the new shared tensors of a supernet their first values, where it has any for them.

        Args:
            shared: By slot and ``TYPE.NAME.PARAMETER``; changed in place.
        """


class Drawn:
    """Random weights, as ``EarlyExitNetwork`` draws them."""

    def load(self, network: EarlyExitNetwork) -> list[str]:
        """Leave everything as it is."""
        return [slot for slot, _, _ in placed(network)]

    def check(self, space: SearchSpace, task: Task) -> list[str]:
        """Return all slots."""
        return list(dict.fromkeys(slot for slot, _ in space.slots(task)))

    def fill(self, shared: Mapping[str, Tensor]) -> None:
        """Leave everything as it is."""


@dataclass(frozen=True, eq=False)
class Pretrained:
    """Weights of a network that was trained elsewhere."""

    name: str
    """What files call it."""
    architecture: StagedArchitecture
    """What it is."""
    task: Task
    """What it was trained for."""
    tensors: Mapping[str, Tensor]
    """By slot and ``TYPE.NAME.PARAMETER``, statistics of batch norms among them."""

    def load(self, network: EarlyExitNetwork) -> list[str]:
        """Give a new network of its blocks their weights; return the slots that keep what was drawn.

        Raises:
            ConfigError: A block of the backbone is another one, or inputs are normalised otherwise.
        """
        self._check_input(network.architecture)
        drawn, problems = [], []
        with torch.no_grad():
            for slot, layer, module in placed(network):
                own = self._own.get(slot)
                if own == _sizeless(layer):
                    for name, tensor in named_tensors(module, layer):
                        tensor.copy_(self.tensors[f"{slot}.{name}"])
                elif own is None or slot == CLASSIFIER:
                    drawn.append(slot)
                else:
                    problems.append(_other(slot, layer, own))
        self._refuse(problems)
        return list(dict.fromkeys(drawn))

    def check(self, space: SearchSpace, task: Task) -> list[str]:
        """Return the slots of a space whose weights stay as they are drawn.

        Raises:
            ConfigError: A block that can stand in a backbone is another one, or inputs are normalised
                otherwise.
        """
        self._check_input(space.decode(tuple(0 for _ in space.genes)))
        problems, drawn, taken = list[str](), list[str](), set[str]()
        for slot, layer in space.slots(task):
            own = self._own.get(slot)
            kernels = space.positions.get(f"{slot}.kernel")
            if own is None or (slot == CLASSIFIER and own != layer):
                drawn.append(slot)
            elif own != layer:
                problems.append(_other(slot, layer, own))
            elif kernels is not None and len(kernels.choices) > 1:
                problems.append(f"{slot}.kernel is {list(kernels.choices)}, not {own.spec.kernel}")
            else:
                taken.add(slot)
        if not taken:
            problems.append(f"the space has none of its slots: {', '.join(list(self._own)[:NAMED])}, ...")
        self._refuse(problems)
        return list(dict.fromkeys(drawn))

    def fill(self, shared: Mapping[str, Tensor]) -> None:
        """Give the new shared tensors of a supernet their first values; those that it lacks stay as drawn.

        Args:
            shared: By slot and ``TYPE.NAME.PARAMETER``, of a space that ``check`` lets pass.
        """
        with torch.no_grad():
            for name, tensor in shared.items():
                weights = self.tensors.get(name)
                if weights is not None and weights.shape == tensor.shape:
                    tensor.copy_(weights)

    @cached_property
    def _own(self) -> dict[str, Layer]:
        """Return its layers by slot, without their sizes."""
        return {
            slot: _sizeless(layer)
            for segment in self.architecture.segments(self.task)
            for slot, layer in zip(
                (*segment.backbone_slots, *segment.exit_slots), segment.layers(), strict=True
            )
        }

    def _check_input(self, architecture: Architecture) -> None:
        own, given = self.architecture.input(self.task), architecture.input(self.task)
        own_normalisation, given_normalisation = own.known_normalisation, given.normalisation
        if given_normalisation is None or any(
            abs(a - b) > TOLERANCE
            for of_own, of_given in zip(own_normalisation, given_normalisation, strict=True)
            for a, b in zip(of_own, of_given, strict=True)
        ):
            mean, std = (f"{values[0]:.7f}" for values in own_normalisation)
            raise ConfigError(
                f"training.initial_weights: {self.name} was trained on other inputs; say in the file: "
                f"space: {{normalisation: {{mean: {mean}, std: {std}}}}}"
            )

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
            raise ConfigError(
                f"training.initial_weights: {self.name} has other blocks than this space: "
                f"{'; '.join(problems[:NAMED])}{more}. Begin with search_spaces/{self.name}.yaml, "
                "or set training.initial_weights=random"
            )


TOLERANCE = 1e-6
"""Of a normalisation that a file gives in seven digits."""


def begun_network(architecture: Architecture, task: Task, training: TrainingConfig) -> EarlyExitNetwork:
    """Return a network with the weights that its training begins with, on the CPU.

    Args:
        architecture: What to build.
        task: What comes in, and how many answers there are.
        training: Names the source of the weights, and says how exits build on each other.

    Raises:
        ConfigError: The weights are not there, or not for this network.
    """
    network = EarlyExitNetwork(architecture, task, boosting_coefficient=training.boosting_coefficient)
    weight_source(training.initial_weights).load(network)
    return network


@cache
def weight_source(name: str) -> WeightSource:
    """Return a source of weights, read once per process.

    Raises:
        NetworkError: The weights are not installed, or damaged.
    """
    return SOURCES[name]()


def _efficientnet_lite0() -> Pretrained:
    return Pretrained(
        "efficientnet_lite0",
        efficientnet_lite0.architecture(),
        efficientnet_lite0.task(),
        efficientnet_lite0.pretrained_tensors(),
    )


SOURCES: dict[str, Callable[[], WeightSource]] = {
    "random": Drawn,
    "efficientnet_lite0": _efficientnet_lite0,
}
"""By the name that ``training.initial_weights`` gives them."""


def placed(network: EarlyExitNetwork) -> Iterator[tuple[str, Layer, nn.Module]]:
    """Yield slot, layer and module of all in a network that has a slot; some spaces share no weights."""
    for plan, part in zip(network.plan, network.segments(), strict=True):
        modules = (*part.backbone, *part.exit)
        slots = (*plan.backbone_slots, *plan.exit_slots)
        if slots:
            yield from zip(slots, plan.layers(), modules, strict=True)


def _sizeless(layer: Layer) -> Layer:
    """Return a layer without its size, which weights do not know."""
    return replace(layer, input=TensorSpec(layer.in_channels))


def _other(slot: str, layer: Layer, own: Layer) -> str:
    return f"{slot} is {_name(layer)}, not {_name(own)}"


def _name(layer: Layer) -> str:
    return layer.signature().partition("@")[0]
