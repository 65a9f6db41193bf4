"""Early-exit networks as plain torch modules."""

from __future__ import annotations

from torch import Tensor, nn

from aebnas.nets.blocks import build, initialise
from aebnas.nets.gradient import scale_gradient
from aebnas.space.architecture import Architecture
from aebnas.space.layer import Segment, segments


class ExitSegment(nn.Module):
    """What runs between two exits: a piece of backbone and the exit's branch."""

    def __init__(self, plan: Segment) -> None:
        """Build the layers of a segment."""
        super().__init__()
        self.backbone = nn.Sequential(*(build(layer) for layer in plan.backbone))
        self.exit = nn.Sequential(*(build(layer) for layer in plan.exit))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features for the next segment and this exit's logits ``(batch, classes)``."""
        features = self.backbone(x)
        return features, self.exit(features)


class EarlyExitNetwork(nn.Module):
    """A backbone with exit branches; the last exit is the final classifier."""

    def __init__(self, architecture: Architecture, in_channels: int, classes: int) -> None:
        """Build and initialise the network of an architecture for ``in_channels`` x r x r images."""
        super().__init__()
        self.architecture = architecture
        self.plan: tuple[Segment, ...] = segments(architecture, in_channels, classes)
        self.parts = nn.ModuleList(ExitSegment(plan) for plan in self.plan)
        initialise(self)

    @property
    def exits(self) -> int:
        """Return the number of exits, the final classifier included."""
        return len(self.parts)

    def segments(self) -> tuple[ExitSegment, ...]:
        """Return what runs between two exits, in order."""
        return tuple(part for part in self.parts if isinstance(part, ExitSegment))

    def forward(self, x: Tensor, equilibrium: bool = False) -> list[Tensor]:
        """Return the logits of every exit.

        Args:
            x: Normalised images, shape ``(batch, channels, resolution, resolution)``.
            equilibrium: Scale gradients so that no exit's gradient swamps the others at a
                shared layer: at exit ``i`` of ``E`` the head's share is ``1 / (E - i)``, the
                later exits' ``(E - i - 1) / (E - i)``.  The outputs do not change.

        Returns:
            One tensor ``(batch, classes)`` per exit.

        Source: gradient equilibrium of IMTA (ICCV 2019).
        """
        logits = []
        for i, part in enumerate(self.segments()):
            features = part.backbone(x)
            remaining = self.exits - i if equilibrium else 1
            logits.append(part.exit(scale_gradient(features, 1 / remaining)))
            x = scale_gradient(features, (remaining - 1) / remaining) if remaining > 1 else features
        return logits
