"""A network of one's own, as it was trained elsewhere; no line of it knows of early exits."""

import torch
from torch import Tensor, nn


def block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return a convolution of one's own."""
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class Plain(nn.Module):
    """Five convolutions and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = block(1, 8, 1)
        self.blocks = nn.Sequential(block(8, 12, 2), block(12, 12, 1), block(12, 16, 2), block(16, 16, 1))
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(batch, 10)`` of grey images."""
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


def plain() -> nn.Module:
    """Return the network; the same weights every time, as from a file."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Plain()


class Narrow(nn.Module):
    """Three convolutions and a classifier, which answers with its features, too."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(block(1, 6, 2), block(6, 8, 1), block(8, 8, 2))
        self.head = nn.Linear(8, 10)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return scores ``(batch, 10)`` of grey images, and features ``(batch, 8)``."""
        features = self.blocks(images).mean((2, 3))
        return {"features": features, "scores": self.head(features)}


def narrow() -> nn.Module:
    """Return the network; the same weights every time, as from a file."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Narrow()
