"""Milliseconds of a training step on a GPU, with and without comparing kernels.

    python experiments/gpu/steps.py

A dense network of 17 M MACs and three exits, random images of CIFAR-10's size, bf16.  The first epoch of 60
steps is what a new network pays in a new process; the time of later ones is that of the fastest of three.
"""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import torch

from aebnas.blocks.block import BlockSpec
from aebnas.config.sections.training import AugmentConfig, TrainingConfig
from aebnas.data.dataset import Samples
from aebnas.data.loader import TrainBatches
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.process import prepare_process
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task
from aebnas.training.checkpoint_callback import Epoch
from aebnas.training.losses.modes import MODES
from aebnas.training.trainer import train_phases

STEPS, EPOCHS = 60, 4
NETWORK = StagedArchitecture(
    resolution=32,
    stem=StemSpec(3, 2, 16, "relu"),
    stages=(
        StageSpec("stage1", (BlockSpec("fused", 3, 24, expansion=2.0), BlockSpec("residual", 3, 24))),
        StageSpec("stage2", (BlockSpec("residual", 3, 40, 2),)),
        StageSpec("stage3", (BlockSpec("residual", 3, 96, 2), BlockSpec("fused", 3, 96, expansion=2.0))),
        StageSpec("stage4", (BlockSpec("residual", 3, 80), BlockSpec("fused", 3, 80, expansion=2.0))),
    ),
    exits=(
        ExitSpec("stage2", (BlockSpec("conv", 3, 40),)),
        ExitSpec("stage3", (BlockSpec("conv", 3, 96),)),
    ),
    final=FinalSpec(0, 0, "relu"),
)


class Watch:
    """A callback that notes when an epoch has ended on the device."""

    def __init__(self) -> None:
        """Start."""
        self.marks = [time.perf_counter()]

    def recall(self) -> None:
        """Begin at the beginning."""

    def record(self, _done: Epoch, _state: object) -> None:
        """Wait for the device."""
        torch.cuda.synchronize()
        self.marks.append(time.perf_counter())


def measure(batch: int, compare_kernels: bool) -> None:
    """Train, and print the times."""
    device = torch.device("cuda:0")
    prepare_process(device, compare_kernels=compare_kernels)
    rng, count = np.random.default_rng(0), batch * STEPS
    images = Samples(rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count))
    config = TrainingConfig(
        epochs=EPOCHS, batch_size=batch, augment=AugmentConfig(crop=4, flip=True, cutout=8)
    )
    task = Task.of_samples(images.shape, 10, Normalisation((0.5,) * 3, (0.25,) * 3))
    batches = TrainBatches(
        images, NETWORK.input(task), device=device, batch_size=batch, augment=config.augment, seed=0
    )
    network = EarlyExitNetwork(NETWORK, task).to(device, memory_format=torch.channels_last)
    phases, watch = MODES[config.loss.name](network, config, (1.0,) * 3), Watch()
    train_phases(network, batches, config, phases, torch.bfloat16, watch)
    first, *later = np.diff(watch.marks)
    print(
        f"batch {batch}, compare_kernels {compare_kernels}: first epoch {first:.1f} s, "
        f"later {1e3 * min(later) / STEPS:.1f} ms a step",
        flush=True,
    )


if __name__ == "__main__":
    for batch in (64, 256):
        for compare in (True, False):
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(batch, compare))
            process.start()
            process.join()
