"""Time to predict the latency of many architectures from a hardware profile.

python benchmarks/latency_lookup.py search_spaces/mnist5k.yaml PROFILE.yaml [--architectures 10000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from aebnas.config import load
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.spaces import space_of
from aebnas.task.task import classification


def main() -> None:
    """Print seconds for decoding and for predicting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space", type=Path)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--architectures", type=int, default=10_000)
    arguments = parser.parse_args()
    config = load(arguments.space)
    shape, classes = shape_and_classes(config.data)
    space = space_of(config, shape)
    rng = np.random.default_rng(0)
    genomes = [space.sample(rng) for _ in range(arguments.architectures)]
    started = time.perf_counter()
    architectures = [space.decode(genome) for genome in genomes]
    decoded = time.perf_counter()
    costs = DeviceCosts.read([arguments.profile])
    for architecture in architectures:
        costs.reach_costs(architecture, classification(shape[2], classes))
    print(
        f"{len(architectures):,} architectures: {decoded - started:.2f} s to decode, "
        f"{time.perf_counter() - decoded:.2f} s to read the profile and predict"
    )


if __name__ == "__main__":
    main()
