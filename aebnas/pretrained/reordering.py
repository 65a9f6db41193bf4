"""A network's own answers in the order of the data's classes, as a layer.

Trained networks have their classes in an order of their own, and may have more than
the data.  Must not import torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ConfigError
from aebnas.task.task import Task

if TYPE_CHECKING:
    from torch import nn

TYPE = "reorder"
"""What stands where other layers name their block."""


@dataclass(frozen=True, kw_only=True)
class Reordering(Layer):
    """Logits of the data's classes among those of a network's own."""

    order: tuple[int, ...]
    """Of each class of the data, the network's answer that stands for it."""

    @property
    def output(self) -> TensorSpec:
        """Return the shape of the logits."""
        return TensorSpec(len(self.order))

    def signature(self) -> str:
        """Return the layer's name, e.g. ``reorder-in1000-out10@1``: which answers are taken costs nothing."""
        return f"{TYPE}-in{self.in_channels}-out{len(self.order)}@1"

    def build(self) -> nn.Module:
        """Return the module, which has no weights: ``(batch, own classes)`` in, ``(batch, classes)`` out."""
        from aebnas.pretrained.map_modules import Columns

        return Columns(self.order)


def reordered(answers: TensorSpec, names: tuple[str, ...], task: Task, network: str) -> tuple[Layer, ...]:
    """Return the layer that brings a network's answers in the order of the data; none where they are.

    Where the names of the data's classes are not known, nothing but costs is asked: any order will do.

    Args:
        answers: The network's logits.
        names: Of its classes, in its order.
        task: The data's classes.
        network: For messages.

    Raises:
        ConfigError: Names and answers differ in number, or a class of the data is none of the network's.
    """
    if len(names) != answers.channels:
        raise ConfigError(
            f"space.classes names {len(names)} classes, but {network} has {answers.channels} answers: name "
            "one class for each, in the order of its answers"
        )
    missing = [name for name in task.class_names if name not in names]
    if missing:
        raise ConfigError(_unknown(missing, names, network))
    own = task.class_names or names[: task.classes]
    if own == names:
        return ()
    order = tuple(map(names.index, own))
    return (Reordering(BlockSpec(TYPE, 1, len(order)), answers, order=order),)


def _unknown(missing: list[str], names: tuple[str, ...], network: str) -> str:
    near = difflib.get_close_matches(missing[0], names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"space.classes: class {missing[0]!r} of the data{more} is not among those of {network}.{hint} Name "
        "its classes as the data do, or set space.head=replace"
    )
