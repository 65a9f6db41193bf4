"""CIFAR ResNets (He et al. 2016, shortcuts without weights), whose public weights the experiment reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut: every second pixel, new channels of zeros on either side."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Build the layers."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.zeros = stride, (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, outputs, h / stride, w / stride)``."""
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.stride == 1:
            return relu(y + x)
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return relu(y + pad(shortcut, (0, 0, 0, 0, self.zeros, self.zeros)))


class ResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels."""

    def __init__(self, blocks: int) -> None:
        """Build it with so many blocks in each stage."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(blocks)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), *(Block(32, 32, 1) for _ in range(blocks - 1)))
        self.layer3 = nn.Sequential(Block(32, 64, 2), *(Block(64, 64, 1) for _ in range(blocks - 1)))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of images ``(n, 3, 32, 32)``."""
        x = self.layer3(self.layer2(self.layer1(relu(self.bn1(self.conv1(x))))))
        return self.linear(torch.mean(x, dim=(2, 3)))


def resnet20() -> nn.Module:
    """Return the network of 40.6 M MACs."""
    return ResNet(3)


def resnet32() -> nn.Module:
    """Return the network of 68.9 M MACs."""
    return ResNet(5)


def resnet56() -> nn.Module:
    """Return the network of 125.5 M MACs."""
    return ResNet(9)
