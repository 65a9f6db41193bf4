"""The operations of a piece of a network, and modules that hold the tensors which they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, fx, nn


@dataclass(frozen=True, eq=False)
class PieceGraph:
    """The operations of a piece: a function of its input and of tensors, which it does not hold."""

    function: fx.GraphModule
    """Called with the input, then the tensors."""
    names: tuple[str, ...]
    """Of the tensors, in the order of the arguments."""

    def run(self, x: Tensor, owners: Mapping[str, tuple[nn.Module, str]]) -> Tensor:
        """Return what the operations make of an input.

        Args:
            x: The input.
            owners: Who holds each tensor, and under which name.
        """
        answer: Tensor = self.function.forward(x, *(getattr(*owners[name]) for name in self.names))
        return answer


def hold(module: nn.Module, name: str, tensor: Tensor, persistent: bool) -> tuple[nn.Module, str]:
    """Give a module a tensor under a name with dots; return the part of it that has it, and its name there.

    Args:
        module: It gets parts as the name asks for them.
        name: As in ``named_parameters``.
        tensor: It is shared, not copied.
        persistent: Whether a buffer is saved with the weights.
    """
    path, _, leaf = name.rpartition(".")
    owner = module
    for part in filter(None, path.split(".")):
        if part not in owner._modules:
            owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    if isinstance(tensor, nn.Parameter):
        owner.register_parameter(leaf, tensor)
    else:
        owner.register_buffer(leaf, tensor, persistent)
    return owner, leaf
