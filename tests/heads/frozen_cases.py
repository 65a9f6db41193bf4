"""A small frozen network, images that it says something of, and stores and banks around them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.config.sections.training import TrainingConfig
from aebnas.heads.bank.head_bank import HeadBank
from aebnas.heads.bank.request import HeadRequest, HeadTraining
from aebnas.heads.features.features import Features
from aebnas.heads.features.store import FeatureStore
from aebnas.heads.features.views import RandomViews
from aebnas.heads.frozen_network import FrozenNetwork
from aebnas.pretrained.cuts import Cut
from aebnas.training.losses.teacher import Distillation

CLASSES = 3
SIZES = {"train": 300, "calibrate": 140, "select": 130}
PLENTY_MB = 1000.0
SPECS = {"stem": TensorSpec(8, (8, 8)), "body": TensorSpec(12, (4, 4))}


@dataclass(frozen=True, eq=False)
class Labelled:
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    train: Labelled
    calibrate: Labelled
    select: Labelled
    fingerprint: str = "noisy gratings"


@cache
def images() -> Images:
    """Gratings of three directions under noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    waves = np.stack([np.sin(x * 1.6), np.sin(y * 1.6), np.sin((x + y) * 1.6)])
    splits = []
    for count in SIZES.values():
        labels = rng.integers(CLASSES, size=count)
        pixels = 128 + 40 * waves[labels][..., None] + 30 * rng.standard_normal((count, 8, 8, 3))
        splits.append(Labelled(pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int64)))
    return Images(*splits)


def prepare(pixels: Tensor) -> Tensor:
    return (pixels.float() / 255 - 0.5).permute(0, 3, 1, 2)


class Tail(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.linear(x.mean((2, 3)))
        return answers


def network(scale: float = 1.0, has_answers: bool = True) -> FrozenNetwork:
    """Two convolutions with a cut behind each; ``scale`` multiplies the features at the second."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        second = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU())
        pieces = [first.eval(), second.eval(), Tail().eval()]
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.mul_(scale)
    return FrozenNetwork(
        f"two convolutions {scale:g}",
        pieces[: 2 + has_answers],
        (Cut("stem", 0, 100, SPECS["stem"]), Cut("body", 0, 200, SPECS["body"])),
        prepare,
        "8x8 around 0",
    )


def store(directory: Path, frozen: FrozenNetwork | None = None) -> FeatureStore:
    return FeatureStore(directory / "features", frozen or network(), images(), RandomViews(seed=0))


def filled(directory: Path, views: int = 2, limit_mb: float = PLENTY_MB) -> Features:
    """Features of a store that is filled, or was."""
    own = store(directory)
    plan = own.plan(limit_mb, views)
    own.fill(plan)
    return Features(own, plan)


def training(**settings: Any) -> HeadTraining:
    config = {"epochs": 2, "learning_rate": 0.05, "batch_size": 32} | settings
    return HeadTraining(TrainingConfig(**config), Distillation(0.1, 2.0), run_seed=0)


def request(cut: str = "body", convs: int = 1) -> HeadRequest:
    spec = SPECS[cut]
    layers = []
    for _ in range(convs):
        layers.append(Layer(BlockSpec("conv", 3, 2 * spec.channels, 2), spec))
        spec = layers[-1].output
    return HeadRequest(cut, (*layers, classifier(spec, CLASSES)))


def bank(directory: Path, features: Features | None = None, **settings: Any) -> HeadBank:
    return HeadBank(directory / "heads", features or filled(directory), training(**settings))


def contents(directory: Path) -> dict[str, bytes]:
    """All files of a store or bank, but for locks and the records of heads, which tell seconds."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and path.name not in ("lock", "record.json")
    }
