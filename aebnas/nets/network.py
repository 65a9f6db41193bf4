"""Early-exit networks as plain torch modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.nets.initial_weights import initialise
from aebnas.space.api import Architecture, Segment
from aebnas.task.task import Task

Make = Callable[[Layer], nn.Module]
"""Gives the module of a layer; asked in the order in which ``segments`` lists the layers."""


def built(layer: Layer) -> nn.Module:
    """Return the module that a layer, of whatever kind, builds."""
    return layer.build()


class ExitSegment(nn.Module):
    """What runs between two exits: a piece of backbone and the exit's branch."""

    def __init__(self, plan: Segment, make: Make = built) -> None:
        """Build the layers of a segment."""
        super().__init__()
        self.reads_image = plan.reads == "image"
        """Whether it begins with the image, whatever the segment before leaves."""
        self.backbone = nn.Sequential(*(make(layer) for layer in plan.backbone))
        self.exit = nn.Sequential(*(make(layer) for layer in plan.exit))

    def forward(self, x: Tensor, earlier: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the features for the next segment and this exit's logits ``(batch, classes)``.

        Args:
            x: The image, or the features of the segment before, as ``Segment.reads`` says.
            earlier: The logits of the segment before, which boosted segments need.
        """
        features = self.backbone(x)
        return features, self.answer(features, earlier)

    def answer(self, features: Tensor, earlier: Tensor | None) -> Tensor:
        """Return this exit's logits; ``earlier``, those of the exit before, do not matter here."""
        logits: Tensor = self.exit(features)
        return logits


class BoostedSegment(ExitSegment):
    """A segment whose branch corrects the exit before it.

    ``F_i = f_i + boosting_coefficient * stop_gradient(F_{i-1})``.  The sum is part of the segment, so that
    every consumer sees the same logits.  ``boosting_coefficient`` is
    stored with the weights: those of a boosted network do not load into a plain one.  Like batch
    norm, the sum counts no MACs; one addition and multiplication per class.

    Source: BoostedNet (AAAI 2023).
    """

    boosting_coefficient: Tensor

    def __init__(self, plan: Segment, boosting_coefficient: float, make: Make = built) -> None:
        """Build the layers of a segment that is not the first."""
        super().__init__(plan, make)
        self.classes = plan.exit[-1].spec.width
        self.register_buffer("boosting_coefficient", torch.tensor(boosting_coefficient))

    def answer(self, features: Tensor, earlier: Tensor | None) -> Tensor:
        """Return the sum of this exit's own logits and its share of ``earlier``.

        Raises:
            ValueError: ``earlier`` is missing.
        """
        if earlier is None:
            raise ValueError("a boosted segment needs the logits of the exit before it")
        boosted: Tensor = self.exit(features) + self.boosting_coefficient * earlier.detach()
        return boosted


class EarlyExitNetwork(nn.Module):
    """A backbone with exit branches; the last exit is the final classifier."""

    def __init__(
        self,
        architecture: Architecture,
        task: Task,
        boosting_coefficient: float = 0.0,
        make: Make | None = None,
    ) -> None:
        """Build and initialise the network of an architecture.

        Args:
            architecture: What to build.
            task: What comes in, and how many answers there are.
            boosting_coefficient: Share of each exit's logits that is added to the next exit's, as
                ``TrainingConfig.boosting_coefficient`` says; 0: exits answer for themselves.
            make: Gives the layers' modules, whose weights stay as they are; None: new ones.
        """
        super().__init__()
        self.boosting_coefficient = boosting_coefficient
        self.architecture = architecture
        self.input = architecture.input(task)
        """One sample as the network takes it."""
        self.plan: tuple[Segment, ...] = architecture.segments(task)
        self.parts = nn.ModuleList(
            BoostedSegment(plan, boosting_coefficient, make or built)
            if boosting_coefficient and i
            else ExitSegment(plan, make or built)
            for i, plan in enumerate(self.plan)
        )
        if make is None:
            self._draw_weights()

    def _draw_weights(self) -> None:
        """Draw first weights, but of layers that brought theirs."""
        for plan, part in zip(self.plan, self.segments(), strict=True):
            for layer, module in zip(plan.layers(), (*part.backbone, *part.exit), strict=True):
                if not layer.brings_weights:
                    initialise(module)

    @property
    def exits(self) -> int:
        """Return the number of exits, the final classifier included."""
        return len(self.parts)

    def segments(self) -> tuple[ExitSegment, ...]:
        """Return what runs between two exits, in order."""
        return tuple(part for part in self.parts if isinstance(part, ExitSegment))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the logits of every exit.

        Args:
            x: Normalised images, shape ``(batch, *input.shape)``.

        Returns:
            One tensor ``(batch, classes)`` per exit.
        """
        logits: list[Tensor] = []
        image = x
        for part in self.segments():
            x, answer = part(image if part.reads_image else x, logits[-1] if logits else None)
            logits.append(answer)
        return logits
