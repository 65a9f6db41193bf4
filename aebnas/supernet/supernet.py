"""The supernet: shared weights, copied into plain networks and taken back as gradients.

There is one definition of every network, ``EarlyExitNetwork``.  To train one, its
weights are filled from the shared ones, it runs forward and backward like any
other, and its gradients are added to the shared ones' gradients.  What is
extracted therefore equals what was trained.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.nets.named_weights import named_weights
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.api import Architecture, SearchSpace
from aebnas.supernet.weights import SharedWeights, part_of, shared_shapes
from aebnas.task.task import Task

KEPT_SHARE, KEPT_BYTES = 8, 64 * 2**20
"""Modules are kept for the next network that needs them: so many times the shared weights, or 64 MiB."""


class BoundModule(NamedTuple):
    """One plain module, and where its weights come from."""

    module: nn.Module
    weights: list[nn.Parameter]
    shared: list[Tensor]
    """Views of the shared weights, one per weight."""
    gradients: list[Tensor]
    """Views of their gradients."""
    uses: list[Tensor]
    """Views of how often they were used."""

    @property
    def bytes(self) -> int:
        """Return the size of its weights."""
        return sum(weight.nbytes for weight in self.weights)


class Supernet:
    """Every network of a space in one set of weights."""

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        *,
        boosting_coefficient: float = 0.0,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        """Lay out and draw the weights.

        Args:
            space: The space.
            task: What comes in, and how many answers there are.
            boosting_coefficient: As for ``EarlyExitNetwork``.
            seed: Of the first weights.
            device: Where the weights live and networks run.
        """
        self.space, self.task, self.boosting_coefficient = space, task, boosting_coefficient
        self.device = torch.device(device)
        slots = list(space.slots(task))
        self.weights = SharedWeights(shared_shapes(slots), self.device)
        self.weights.initialise(slots, seed)
        self._bound_modules: OrderedDict[tuple[str, Layer], BoundModule] = OrderedDict()
        self._kept = 0
        shared = sum(tensor.nbytes for tensor in self.weights.flat.values())
        self._most = max(KEPT_BYTES, KEPT_SHARE * shared)

    def sample_subnet(self, architectures: Sequence[Architecture]) -> SampledSubnet:
        """Return a network with the shared weights, to be trained; one at a time.

        Its batch norms use the statistics of each batch.

        Args:
            architectures: Of one backbone, with exits at the same positions.  The network has the
                branches of all of them side by side: an early exit's logits are ``(branches, batch,
                classes)``, the last exit's ``(1, batch, classes)``.
        """
        bound_modules: dict[tuple[str, Layer], BoundModule] = {}
        uses: Counter[tuple[str, Layer]] = Counter()

        def network(architecture: Architecture) -> EarlyExitNetwork:
            names = _flat(architecture, self.task)

            def make(layer: Layer) -> nn.Module:
                # weights know no size: one module serves all of them
                key = next(names), replace(layer, input=TensorSpec(layer.in_channels))
                bound_modules[key] = self._bound_module(*key)
                uses[key] += 1
                return bound_modules[key].module

            return EarlyExitNetwork(architecture, self.task, self.boosting_coefficient, make)

        networks = [network(architecture) for architecture in architectures]
        first = networks[0]
        for i, part in enumerate(first.segments()):
            last = i == first.exits - 1
            part.exit = Branches(
                [part.exit] if last else [network.segments()[i].exit for network in networks]
            )
        # an early exit's branches share one gradient of the features
        shares = [uses[key] / len(networks) for key in bound_modules]
        subnet = SampledSubnet(first, list(bound_modules.values()), shares)
        subnet.fill()
        return subnet

    def extract(self, architecture: Architecture) -> EarlyExitNetwork:
        """Return a plain network with weights of its own, equal to the shared ones.

        Its batch norms have seen no data yet: recalibrate them.
        """
        names, network_weights = _flat(architecture, self.task), []

        def make(layer: Layer) -> nn.Module:
            module, slot = layer.build(), next(names)
            for name, weight in named_weights(module, layer):
                network_weights.append(
                    (weight, part_of(self.weights.tensors[f"{slot}.{name}"], weight.shape))
                )
            return module

        network = EarlyExitNetwork(architecture, self.task, self.boosting_coefficient, make)
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.no_grad():
            for weight, shared in network_weights:
                weight.copy_(shared)
        return network

    def _bound_module(self, slot: str, layer: Layer) -> BoundModule:
        key = slot, layer
        bound = self._bound_modules.get(key)
        if bound is None:
            bound = self._new_bound_module(slot, layer)
            self._bound_modules[key] = bound
            self._kept += bound.bytes
            while self._kept > self._most and len(self._bound_modules) > 1:
                self._kept -= self._bound_modules.popitem(last=False)[1].bytes
        self._bound_modules.move_to_end(key)
        return bound

    def _new_bound_module(self, slot: str, layer: Layer) -> BoundModule:
        module = layer.build().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.track_running_stats = False
                part.running_mean = part.running_var = part.num_batches_tracked = None
        weights, shared, gradients, uses = [], [], [], []
        for name, weight in named_weights(module, layer):
            weights.append(weight)
            shared.append(part_of(self.weights.tensors[f"{slot}.{name}"], weight.shape))
            gradients.append(part_of(self.weights.gradients[f"{slot}.{name}"], weight.shape))
            uses.append(part_of(self.weights.uses[f"{slot}.{name}"], weight.shape))
        return BoundModule(module, weights, shared, gradients, uses)


class Branches(nn.Sequential):
    """Exit branches side by side on the same features."""

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        """Hold the branches."""
        super().__init__(*branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(branches, batch, classes)``."""
        return torch.stack([branch(x) for branch in self])


class SampledSubnet:
    """A plain network on shared weights."""

    def __init__(
        self, network: EarlyExitNetwork, bound_modules: list[BoundModule], shares: list[float]
    ) -> None:
        """Remember where the network's weights come from.

        Args:
            network: The network.
            bound_modules: Its modules.
            shares: How much of a network each stands for: 1 for the backbone, for a module that is
                in 2 of 4 branches 0.5.
        """
        self.network = network.train()
        self._weights: list[Tensor] = [weight for bound in bound_modules for weight in bound.weights]
        self._shared = [view for bound in bound_modules for view in bound.shared]
        self._gradients = [view for bound in bound_modules for view in bound.gradients]
        self._uses = [
            (view, share) for bound, share in zip(bound_modules, shares, strict=True) for view in bound.uses
        ]

    @torch.no_grad()
    def fill(self) -> None:
        """Take over the values of the shared weights."""
        torch._foreach_copy_(self._weights, self._shared)

    @torch.no_grad()
    def accumulate_gradients(self) -> None:
        """Add the network's gradients to the shared weights', count the uses, and forget them."""
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        torch._foreach_add_(self._gradients, gradients)
        for view, share in self._uses:
            view.add_(share)
        for weight in self._weights:
            weight.grad = None


def _flat(architecture: Architecture, task: Task) -> Iterator[str]:
    """Yield the slots of an architecture in the order in which its layers are made."""
    for segment in architecture.segments(task):
        yield from segment.backbone_slots
        yield from segment.exit_slots
