"""What random changes of training images cost, as a ratio to batches that are only normalised.

    python benchmarks/augmentation.py [--rounds 7]

One epoch of 512 images, batches of 64, one thread; the rounds of all changes alternate in one process, and
medians are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping

import numpy as np
import torch

from aebnas.config.sections.training import AugmentConfig
from aebnas.data.dataset import Samples
from aebnas.data.loader import TrainBatches
from aebnas.data.statistics import normalisation_of
from aebnas.runtime.process import prepare_process
from aebnas.task.task import Task

COUNT, BATCH = 512, 64
SIDES = (32, 128)
CHANGES: Mapping[str, AugmentConfig] = {
    "normalise only": AugmentConfig(),
    "crop": AugmentConfig(crop=4),
    "flip": AugmentConfig(flip=True),
    "cutout": AugmentConfig(cutout=8),
    "random_resized_crop": AugmentConfig(random_resized_crop=True),
    "colour_jitter": AugmentConfig(colour_jitter=True),
    "mixup": AugmentConfig(mixup=0.2),
    "all for photos": AugmentConfig(
        random_resized_crop=True, flip=True, colour_jitter=True, cutout=8, mixup=0.2
    ),
}


def epoch_seconds(batches: TrainBatches) -> float:
    """Return the processor time of one epoch, which other processes do not share."""
    started = time.process_time()
    for _ in batches:
        pass
    return time.process_time() - started


def measure(side: int, rounds: int) -> None:
    """Print one line per change for square images of one size."""
    rng = np.random.default_rng(0)
    images = Samples(rng.integers(0, 256, (COUNT, side, side, 3), dtype=np.uint8), rng.integers(0, 10, COUNT))
    task = Task.of_samples(images.shape, 10, normalisation_of(images))
    made = {
        name: TrainBatches(
            images, task.input((side, side)), device="cpu", batch_size=BATCH, augment=augment, seed=0
        )
        for name, augment in CHANGES.items()
    }
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds + 1):
        for name, batches in made.items():
            times[name].append(epoch_seconds(batches))
    middle = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, seconds in middle.items():
        ratio = middle["normalise only"] / seconds
        print(f"{side:4d} pixels  {name:20s} {COUNT / seconds:9.0f} images/s  ratio {ratio:.3f}")


def main() -> None:
    """Measure all changes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    prepare_process(torch.device("cpu"))
    for side in SIDES:
        measure(side, rounds)


if __name__ == "__main__":
    main()
