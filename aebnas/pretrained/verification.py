"""Whether the pieces of a network, run one after another, do what the network does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.cut_network import CutNetwork
from aebnas.pretrained.pieces import Piece

TOLERANCE = 1e-4
"""Share of the largest logit by which a graph may differ from the code it was made of; mostly it does not."""
AGAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda logits: logits,
    "softmax": lambda logits: logits.softmax(-1),
    "log_softmax": lambda logits: logits.log_softmax(-1),
    "sigmoid": torch.sigmoid,
}
"""What a network does with its logits, where they are not its answer."""


def checked_evaluation(network: CutNetwork, images: Tensor, answers: Tensor, made_by: str) -> CutNetwork:
    """Return the network if its pieces answer as it does, with a note where they do so but for rounding.

    Args:
        network: Cut at every place.
        images: Noise ``(batch, channels, height, width)``.
        answers: What the network itself says, ``(batch, classes)``.
        made_by: What it makes of its logits, as in ``AGAIN``.

    Raises:
        NetworkError: They answer otherwise.
    """
    pieces = network.pieces([cut.name for cut in network.cuts])
    with torch.no_grad():
        logits = AGAIN[made_by](_run([piece.eval() for piece in pieces], images))
    if torch.equal(logits, answers):
        return network
    difference = float((logits - answers).abs().max())
    if difference <= TOLERANCE * float(answers.abs().max()):
        return network.with_note(f"its graph rounds otherwise than its code: by {difference:.1g} in a logit")
    raise NetworkError(
        f"{network.name} and its graph answer differently (by {difference:.3g} in a logit): does its forward "
        "draw random numbers, or remember something from call to call? It must not, in evaluation mode"
    )


def training_defect(
    network: CutNetwork,
    module: nn.Module,
    answer: Callable[[nn.Module, Tensor], Tensor],
    made_by: str,
    images: Tensor,
) -> str:
    """Return why the pieces must not be trained; empty where one step through them is one of the network.

    Args:
        network: With its graph of training.
        module: The network itself; it is copied, not changed.
        answer: What a copy of the network says to images.
        made_by: What it makes of its logits, as in ``AGAIN``.
        images: Noise ``(batch, channels, height, width)``.
    """
    try:
        whole, parted = copy.deepcopy(module).train(), copy.deepcopy(module).train()
    except Exception as error:  # a tensor that is no leaf, whatever the user keeps in the module
        return f"it cannot be trained as a whole, exits are trained alone: it cannot be copied ({error})"
    pieces = [piece.train() for piece in network.pieces([cut.name for cut in network.cuts], parted)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = answer(whole, images)
        torch.manual_seed(0)
        given = AGAIN[made_by](_run(pieces, images))
    same = _is_close(given.detach(), expected.detach())
    changed = [name for name, buffer in whole.named_buffers() if _differs(buffer, parted.get_buffer(name))]
    used = {name for piece in pieces for name, _ in piece.named_buffers()}
    wrong = [name for name in changed if name in used]
    if same and not wrong:
        return ""
    what = f"buffer {wrong[0]!r} is changed otherwise" if wrong else "the answers differ"
    return (
        f"it cannot be trained as a whole, exits are trained alone: in training mode its graph does not do "
        f"what its code does ({what})"
    )


def _run(pieces: Sequence[Piece], x: Tensor) -> Tensor:
    """Return what pieces make of an input, and see that none writes to what it is given.

    Raises:
        NetworkError: One does.
    """
    for piece in pieces:
        before = x.detach().clone()
        answer = piece(x)
        if not torch.equal(x, before):
            raise NetworkError("a piece of this network writes to the features that it is given")
        x = answer
    return x


def _is_close(first: Tensor, second: Tensor) -> bool:
    return float((first - second).abs().max()) <= TOLERANCE * max(1.0, float(second.abs().max()))


def _differs(first: Tensor, second: Tensor) -> bool:
    return not torch.allclose(first.double(), second.double(), rtol=TOLERANCE, atol=1e-6)
