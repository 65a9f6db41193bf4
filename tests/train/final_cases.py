"""A small network on real digits, to be trained in full; no run around it."""

from functools import cache
from pathlib import Path
from typing import Any

from aebnas.blocks.block import BlockSpec
from aebnas.config.schema import DataConfig
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.train.full.events import EpochEnded, FinalEvent
from aebnas.train.full.images import FinalImages, final_images
from aebnas.train.full.plan import Plan, Teacher, TrainingJob
from aebnas.train.full.settings import FinalSettings
from aebnas.train.select.selected_network import SelectedNetwork

DATA = DataConfig(name="digits")
QUICK = {"epochs": 3, "batch_size": 128, "learning_rate": 0.3, "precision": "fp32"}


def architecture(width: int = 8, resolution: int = 8) -> StagedArchitecture:
    stages = (
        StageSpec("stage1", (BlockSpec("conv", 3, width, 2),)),
        StageSpec("stage2", (BlockSpec("residual", 3, 2 * width, 2),)),
    )
    exits = (ExitSpec("stage1", ()),)
    return StagedArchitecture(resolution, StemSpec(3, 1, 8, "relu"), stages, exits, FinalSpec(0, 0, "relu"))


@cache
def images() -> FinalImages:
    return final_images(DATA)


def plan(exits: ExitsConfig | None = None, budget_fraction: float | None = 0.8, **training: Any) -> Plan:
    settings = FinalSettings(training=TrainingConfig(**{**QUICK, **training}), exits=exits or ExitsConfig())
    selected = SelectedNetwork(
        architecture=architecture(),
        run="nowhere",
        run_seed=3,
        data=DATA,
        data_fingerprint=None,
        training=settings.training,
        exits=settings.exits,
        budget_fraction=budget_fraction,
        folder=Path("unused"),
        text="a test's",
    )
    return Plan(selected, settings, images())


def task(folder: Path, teacher: Teacher | None = None, of: StagedArchitecture | None = None) -> TrainingJob:
    return TrainingJob("network", of or architecture(), folder, teacher)


class Interruption:
    """A listener that presses Ctrl-C behind an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, event: FinalEvent) -> None:
        if isinstance(event, EpochEnded) and event.epoch == self.epoch:
            raise KeyboardInterrupt
