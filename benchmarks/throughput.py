"""Training throughput of a candidate against a minimal hand-written loop, and the cost of its input.

    python benchmarks/throughput.py [--rounds 7]

All loops train the same network from the same weights: ours on batches that lie ready in memory, the
hand-written one on the same tensors, and ours with its input prepared on the way.  Rounds alternate
A B C A B C in one process with one thread; medians are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from aebnas.config import SearchFile, load
from aebnas.data.dataset import Samples
from aebnas.data.loader import TrainBatches
from aebnas.data.statistics import normalisation_of
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.process import prepare_process
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.spaces import space_of
from aebnas.task.task import Task, classification
from aebnas.training.precision import training_dtype
from aebnas.training.train import train

STEPS = 60
CASES = {"search_spaces/mnist5k.yaml": (28, 28, 1), "search_spaces/cifar10_dense.yaml": (32, 32, 3)}
NETWORKS = 3


def network_of(architecture: StagedArchitecture, channels: int) -> EarlyExitNetwork:
    """Return a freshly seeded network in channels_last."""
    torch.manual_seed(0)
    return EarlyExitNetwork(architecture, classification(channels, 10)).to(memory_format=torch.channels_last)


def hand_written(
    network: EarlyExitNetwork, batches: list[tuple[torch.Tensor, torch.Tensor]], dtype: torch.dtype
) -> None:
    """Train as few lines as it takes would."""
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True
    )
    network.train()
    for x, y in batches:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = network(x)
        loss = sum(cross_entropy(z.float(), y) for z in logits)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def seconds(work: Callable[[], object]) -> float:
    """Return the wall-clock time of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(
    config: SearchFile, architecture: StagedArchitecture, shape: tuple[int, int, int], rounds: int
) -> None:
    """Print one line for one network."""
    training = config.training.model_copy(update={"epochs": 1})
    count = STEPS * training.batch_size
    rng = np.random.default_rng(0)
    images = Samples(rng.integers(0, 256, (count, *shape), dtype=np.uint8), rng.integers(0, 10, count))
    task = Task.of_samples(images.shape, 10, normalisation_of(images))
    batches = TrainBatches(
        images, architecture.input(task), device="cpu", batch_size=training.batch_size,
        augment=training.augment, seed=0,
    )  # fmt: skip
    ready = list(batches)
    dtype = training_dtype(training.precision, architecture, torch.device("cpu"))
    weights = (1.0,) * (len(architecture.exits) + 1)
    ours, minimal, whole = [], [], []
    for _ in range(rounds + 1):
        a, b, c = (network_of(architecture, shape[2]) for _ in range(3))
        ours.append(seconds(lambda a=a: train(a, ready, training, weights, dtype)))
        minimal.append(seconds(lambda b=b: hand_written(b, ready, dtype)))
        whole.append(seconds(lambda c=c: train(c, batches, training, weights, dtype)))
    middle = [statistics.median(times[1:]) for times in (ours, minimal, whole)]
    macs = network_cost(architecture, classification(shape[2], 10)).reach_macs[-1]
    print(
        f"{config.name:14s} {macs / 1e6:6.2f}M {str(dtype)[6:]:9s} {count / middle[0]:7.0f} images/s, "
        f"hand-written {count / middle[1]:7.0f}: ratio {middle[1] / middle[0]:.3f}; "
        f"with its input {middle[1] / middle[2]:.3f} (input {1 - middle[0] / middle[2]:.1%} of a step)"
    )


def main() -> None:
    """Measure a few random networks of two shipped spaces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    prepare_process(torch.device("cpu"))
    for file, shape in CASES.items():
        config = load(file)
        space = space_of(config, shape)
        rng = np.random.default_rng(1)
        for _ in range(NETWORKS):
            measure(config, space.decode(space.sample(rng)), shape, rounds)


if __name__ == "__main__":
    main()
