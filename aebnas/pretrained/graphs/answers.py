"""The logits among what a network answers, whatever form its answer has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, fx, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.graphs.graph import schema_name

LOGITS = "logits"
"""What libraries call them."""
PROBABILITIES = {"aten::softmax": "softmax", "aten::log_softmax": "log_softmax", "aten::sigmoid": "sigmoid"}
"""Operations that make probabilities of logits, and keep their order."""
PASSING = ("aten::dropout", "aten::clone", "aten::contiguous", "aten::alias", "aten::detach", "aten::to")
"""Operations that do not change what they are given, in evaluation mode."""


class Answering(nn.Module):
    """A network that answers with its logits alone; what is exported."""

    def __init__(self, network: nn.Module, answer: str | int | None = None) -> None:
        """Wrap a network.

        Args:
            network: Called with images ``(batch, channels, height, width)``.
            answer: Which part of the answer the logits are, by index or name; None: the only candidate.
        """
        super().__init__()
        self.network = network
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(batch, classes)``.

        Raises:
            NetworkError: It is not clear which part of the answer they are.
        """
        parts = listed(self.network(images))
        logits: Tensor = parts[chosen({name: tuple(part.shape) for name, part in parts.items()}, self.answer)]
        return logits


def listed(answer: Any, name: str = "") -> dict[str, Any]:
    """Return the tensors of an answer by name: ``1``, ``logits``, ``aux.0``; one alone has the name ``""``.

    Nodes of a graph stand for tensors, too.
    """
    if isinstance(answer, Tensor | fx.Node):
        return {name: answer}
    tensors: dict[str, Any] = {}
    for key, part in _parts(answer):
        tensors |= listed(part, f"{name}.{key}" if name else str(key))
    return tensors


def _parts(answer: Any) -> list[tuple[Any, Any]]:
    if isinstance(answer, Mapping):
        return list(answer.items())
    if is_dataclass(answer):
        return [(field.name, getattr(answer, field.name)) for field in fields(answer)]
    if isinstance(answer, tuple | list):
        return list(zip(getattr(answer, "_fields", range(len(answer))), answer, strict=True))
    return []


def chosen(shapes: Mapping[str, tuple[Any, ...]], answer: str | int | None) -> str:
    """Return the name of the logits.

    Args:
        shapes: Of the tensors of an answer, by name.
        answer: The name or index that a user gave.

    Raises:
        NetworkError: There is no such part, or several could be meant.
    """
    if answer is not None and list(shapes) != [""]:
        if str(answer) in shapes:
            return str(answer)
        raise NetworkError(f"the network's answer has no part {answer!r}; it has: {_named(shapes)}")
    if not shapes:
        raise NetworkError("the network answers with no tensor; it must return logits (batch, classes)")
    candidates = [name for name, shape in shapes.items() if len(shape) == 2]
    if len(candidates) == 1 or list(shapes) == [""]:
        return next(iter(candidates or shapes))
    if LOGITS in candidates:
        return LOGITS
    raise NetworkError(
        f"the network answers with {_named(shapes)}: say which part are the logits (answer: NAME or INDEX)"
    )


def _named(shapes: Mapping[str, tuple[Any, ...]]) -> str:
    return ", ".join(f"{name or 'one tensor'} {list(shape)}" for name, shape in shapes.items())


def before_probabilities(answer: fx.Node) -> tuple[fx.Node, str]:
    """Return the logits behind an answer that the graph has made probabilities of, and by what.

    The operation is ``""`` where the answer are logits already.
    """
    node = answer
    while schema_name(node) in PASSING and isinstance(node.args[0], fx.Node):
        node = node.args[0]
    made_by = PROBABILITIES.get(schema_name(node), "")
    over_classes = made_by == "sigmoid" or (len(node.args) > 1 and node.args[1] in (-1, 1))
    if made_by and over_classes and isinstance(node.args[0], fx.Node):
        return node.args[0], made_by
    return answer, ""


def are_probabilities(logits: Tensor) -> bool:
    """Whether answers ``(batch, classes)`` look like probabilities: none negative, and each row sums to 1."""
    sums = logits.sum(dim=1)
    return bool((logits >= 0).all()) and bool((sums - 1).abs().max() < 1e-4)
