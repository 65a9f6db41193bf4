"""What happens to gradients between the backward pass and the step: equilibrium and clipping.

Gradient equilibrium gives every exit the same say where exits share layers.  IMTA scales the
gradient at each exit: of E exits, exit i passes on its head's share 1 / (E - i) and the later
exits' (E - i - 1) / (E - i).  From exit j to the backbone of segment s these factors multiply to
1 / (E - s), whatever j: the plain sum's gradient of that backbone, divided by the exits behind it.
So nothing has to happen during the passes.

Source: gradient equilibrium of IMTA (ICCV 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aebnas.nets.network import EarlyExitNetwork

SMALLEST = 1e-6
"""Keeps a gradient of 0 from dividing by 0."""


def equilibrium_shares(network: EarlyExitNetwork) -> dict[nn.Parameter, float]:
    """Return by how much the gradient of each backbone weight is multiplied; others keep theirs.

    One over the exits that its features reach: those behind it, until a segment reads the image again.
    """
    shares: dict[nn.Parameter, float] = {}
    exits = 0
    for part in reversed(network.segments()):
        exits += 1
        shares |= dict.fromkeys(part.backbone.parameters(), 1 / exits)
        exits = 0 if part.reads_image else exits
    return shares


class GradientRule:
    """Scales the gradients of some weights, then clips the norm of all."""

    def __init__(
        self, weights: Sequence[nn.Parameter], shares: dict[nn.Parameter, float], max_norm: float | None
    ) -> None:
        """Prepare for one training.

        Args:
            weights: All that are trained, on one device.
            shares: Factors of the gradients of some of them.
            max_norm: Largest norm of all scaled gradients together; None: not clipped.
        """
        self._weights = list(weights)
        self._shares = [shares.get(weight, 1.0) for weight in weights]
        self._max_norm = max_norm

    def apply(self) -> None:
        """Change the gradients in place; weights without one are left alone."""
        pairs = [
            (weight.grad, share)
            for weight, share in zip(self._weights, self._shares, strict=True)
            if weight.grad is not None
        ]
        clipped = self._clipping(*zip(*pairs, strict=True)) if pairs else 1.0
        for share in sorted({share for _, share in pairs}):
            factor = clipped * share
            if isinstance(factor, Tensor) or factor != 1:
                torch._foreach_mul_([gradient for gradient, own_share in pairs if own_share == share], factor)

    def _clipping(self, gradients: Sequence[Tensor], shares: Sequence[float]) -> float | Tensor:
        """Return what all gradients are multiplied by; on GPUs a tensor, so that nothing waits for it."""
        if self._max_norm is None:
            return 1.0
        norms = torch.stack(torch._foreach_norm(list(gradients)))
        total = torch.linalg.vector_norm(norms * norms.new_tensor(shares))
        factor = (self._max_norm / (total + SMALLEST)).clamp(max=1.0)
        return float(factor) if factor.device.type == "cpu" else factor
