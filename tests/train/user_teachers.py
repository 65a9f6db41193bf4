"""A user's own networks, named by tests as ``user_teachers:NAME``."""

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Ten classes of one-channel images of 8 x 8 pixels."""

    classes = 10

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, self.classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class FiveClasses(Linear):
    classes = 5


class Probabilities(Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).softmax(dim=1)
