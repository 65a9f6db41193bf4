"""Shared weights: every weight of every network of a space, each stored once.

A shared tensor is as large as its largest user in each dimension; a user reads
the first channels and the centre of the kernel.  All of them lie in two flat
vectors, with and without weight decay, so that the optimiser, the average of the
weights, the exchange between processes and the checkpoint handle two tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.table import signature_word
from aebnas.nets.initial_weights import initialise
from aebnas.nets.named_weights import named_weights
from aebnas.supernet.alignment import align

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each shared tensor by ``PLACE.TYPE.NAME.PARAMETER``."""


def shared_shapes(slots: Iterable[tuple[str, Layer]]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every shared tensor: the largest in each dimension, in the order of the walk."""
    largest: dict[str, tuple[int, ...]] = {}
    for slot, layer in dict.fromkeys(slots):
        for name, shape in _plain_shapes(layer).items():
            shape_before = largest.get(f"{slot}.{name}")
            largest[f"{slot}.{name}"] = shape if shape_before is None else _larger(shape_before, shape)
    return largest


def part_of(shared: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the view of a shared tensor that a plain weight of ``shape`` takes its values from.

    The first channels in and out; the centre of a kernel.

    Raises:
        ValueError: The weight is larger than the shared tensor.
    """
    if len(shape) != shared.ndim or any(n > m for n, m in zip(shape, shared.shape, strict=True)):
        raise ValueError(f"a weight of shape {tuple(shape)} is no part of one of {tuple(shared.shape)}")
    view = shared
    for dimension, length in enumerate(shape):
        start = (shared.shape[dimension] - length) // 2 if dimension >= 2 else 0
        view = view.narrow(dimension, start, length)
    return view


class SharedWeights:
    """Two flat parameters, with named views of them, their gradients and how often they were used."""

    def __init__(self, shapes: Shapes, device: torch.device | str = "cpu") -> None:
        """Lay the tensors out, all zero.

        Args:
            shapes: Of every tensor, in a fixed order.
            device: Where they live.
        """
        self.shapes = dict(shapes)
        is_matrix = {name: len(shape) > 1 for name, shape in shapes.items()}
        self.flat: dict[str, nn.Parameter] = {}
        self.tensors: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self.uses: dict[str, Tensor] = {}
        self._flat_uses: dict[str, Tensor] = {}
        for group, has_matrices in (("matrices", True), ("vectors", False)):
            names = [name for name in shapes if is_matrix[name] == has_matrices]
            size = sum(torch.Size(shapes[name]).numel() for name in names)
            flat = nn.Parameter(torch.zeros(size, device=device))
            flat.grad = torch.zeros_like(flat)
            self.flat[group] = flat
            self.tensors |= views(flat.detach(), {name: shapes[name] for name in names})
            self.gradients |= views(flat.grad, {name: shapes[name] for name in names})
            self._flat_uses[group] = torch.zeros_like(flat.grad)
            self.uses |= views(self._flat_uses[group], {name: shapes[name] for name in names})

    @property
    def flat_gradients(self) -> list[Tensor]:
        """Return the gradients of the flat parameters."""
        return [flat.grad for flat in self.flat.values() if flat.grad is not None]

    @property
    def flat_uses(self) -> list[Tensor]:
        """Return how often each single weight was used since gradients were forgotten."""
        return list(self._flat_uses.values())

    @torch.no_grad()
    def average_gradients(self) -> None:
        """Divide the gradient of every single weight by how often it was used.

        What few networks of a step use, an exit's module say, then learns as fast as what all use.
        """
        for gradient, uses in zip(self.flat_gradients, self._flat_uses.values(), strict=True):
            gradient.div_(uses.clamp_(min=torch.finfo(uses.dtype).tiny))

    def forget_gradients(self) -> None:
        """Set gradients and uses to zero."""
        for tensor in (*self.flat_gradients, *self._flat_uses.values()):
            tensor.zero_()

    def initialise(self, slots: Iterable[tuple[str, Layer]], seed: int) -> None:
        """Draw every tensor as the weights of plain modules are drawn.

        From a module that uses all of it; where none does (a projection between equal widths is
        never needed), from every module that uses some of it.  Then types are aligned.

        Args:
            slots: As for ``shared_shapes``.
            seed: Of the random numbers.
        """
        slots = list(dict.fromkeys(slots))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for (slot, layer), names in _models(slots, self.shapes).items():
                module = layer.build()
                initialise(module)
                for name, weight in named_weights(module, layer):
                    if f"{slot}.{name}" in names:
                        shared = self.tensors[f"{slot}.{name}"]
                        part_of(shared, weight.shape).copy_(weight.detach())
        by_slot: dict[str, dict[str, Tensor]] = {}
        for slot, layer in slots:
            for name in _plain_shapes(layer):
                by_slot.setdefault(slot, {})[name] = self.tensors[f"{slot}.{name}"]
        align(by_slot, seed)


def views(flat: Tensor, shapes: Shapes) -> dict[str, Tensor]:
    """Return one view per shape, one behind the other in a flat tensor."""
    tensors, start = {}, 0
    for name, shape in shapes.items():
        size = torch.Size(shape).numel()
        tensors[name] = flat.narrow(0, start, size).view(shape)
        start += size
    return tensors


def _models(slots: Iterable[tuple[str, Layer]], shapes: Shapes) -> dict[tuple[str, Layer], set[str]]:
    """Return the layers to draw from, each with the tensors that it draws."""
    users: dict[str, list[tuple[str, Layer]]] = {name: [] for name in shapes}
    whole: dict[str, tuple[str, Layer]] = {}
    for slot, layer in dict.fromkeys(slots):
        for name, shape in _plain_shapes(layer).items():
            users[f"{slot}.{name}"].append((slot, layer))
            if shape == shapes[f"{slot}.{name}"]:
                whole.setdefault(f"{slot}.{name}", (slot, layer))
    tensors: dict[tuple[str, Layer], set[str]] = {}
    for name, all_users in users.items():
        for user in [whole[name]] if name in whole else all_users:
            tensors.setdefault(user, set()).add(name)
    return tensors


def _plain_shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a plain module's weights by ``TYPE.NAME.PARAMETER``."""
    return _shapes(layer, signature_word(layer.spec.type))


@lru_cache(maxsize=65536)
def _shapes(layer: Layer, block: str) -> dict[str, tuple[int, ...]]:
    """Return the same for a layer whose block goes by that name in signatures."""
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in named_weights(layer.build(), layer)}


def _larger(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(pair) for pair in zip(shape, other, strict=True))
