"""A user's own networks that teach candidates, named by tests as ``candidate_teachers:NAME``."""

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """Ten classes, and always the same answer: class 3."""

    classes = 10

    def __init__(self) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.zeros(self.classes))
        with torch.no_grad():
            self.answer[3] = 12.0

    def forward(self, x: Tensor) -> Tensor:
        return self.answer + 0 * x.mean((1, 2, 3))[:, None]


class Seven(Constant):
    classes = 7


class Brightness(nn.Module):
    """Ten classes; answers 7 where the input is as a normalisation of 0 and 1 has it, else 2."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        is_plain = ((x >= 0) & (x <= 1)).flatten(1).all(1).float()[:, None]
        answers = torch.nn.functional.one_hot(torch.tensor([2, 7]), 10).float() * 12
        return self.weight * (answers[:1] * (1 - is_plain) + answers[1:] * is_plain)
