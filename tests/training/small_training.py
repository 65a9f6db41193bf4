"""A small network and real digits for the trainer's tests."""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

from aebnas.blocks.block import BlockSpec
from aebnas.config.schema import DataConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.data.datasets import load_dataset
from aebnas.data.loader import TrainBatches
from aebnas.data.splits import Splits, make_splits
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec

FP32 = torch.float32


def two_exits(block: str = "residual", module: str = "conv") -> StagedArchitecture:
    stages = (
        StageSpec("stage1", (BlockSpec(block, 3, 8),)),
        StageSpec("stage2", (BlockSpec(block, 3, 16, 2),)),
    )
    exits = (ExitSpec("stage1", (BlockSpec(module, 3, 8, 2),)),)
    return StagedArchitecture(8, StemSpec(3, 1, 8, "relu"), stages, exits, FinalSpec(0, 0, "relu"))


def network(seed: int = 0) -> EarlyExitNetwork:
    torch.manual_seed(seed)
    return EarlyExitNetwork(two_exits(), digits().task)


@cache
def digits() -> Splits:
    """1,797 real digits of 8 x 8 pixels, an eighth of them cut off as test data."""
    config = DataConfig(name="digits")
    return make_splits(load_dataset(config), config)


def batches(seed: int = 0, batch_size: int = 64) -> TrainBatches:
    train = digits().train
    config = TrainingConfig()
    return TrainBatches(
        train,
        digits().task.input((8, 8)),
        device="cpu",
        batch_size=batch_size,
        augment=config.augment,
        seed=seed,
    )


class FixedBatches:
    """The same few batches in every epoch."""

    def __init__(self, *batches: tuple[Tensor, Tensor]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.batches)


def random_batch(size: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 1, 8, 8, generator=generator)
    return images, torch.randint(10, (size,), generator=generator)
