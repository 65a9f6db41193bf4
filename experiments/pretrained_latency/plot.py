"""Draw predicted against measured latency of the networks that the fit has not seen.

    python experiments/pretrained_latency/plot.py PHOTOS CIFAR WEIGHTS

PHOTOS is the folder of TrashNet, CIFAR holds the official files, WEIGHTS cifar10_resnet56.safetensors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import aebnas
from aebnas.config import load
from aebnas.search.preparation import prepare
from aebnas.space.pretrained.architecture import PretrainedArchitecture

HERE = Path(__file__).resolve().parent


def times(name: str, overrides: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted and measured ms to every exit of every such network."""
    profile = HERE / f"epyc-onnxruntime-{name}.yaml"
    device = [f"hardware=[{profile}]", "objectives=[error, latency_ms]"]
    with aebnas.allow_code():
        problem = prepare(load(HERE / f"{name}.yaml", [*overrides, *device])).problem
        predicted, measured = [], []
        for line in profile.with_suffix(".networks.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["role"] != "fit":
                network = PretrainedArchitecture.from_dict(row["architecture"])
                (reach,) = problem.devices.reach_costs(network, problem.task).values()
                predicted += reach
                measured += np.mean([row["first_ms"], row["second_ms"]], axis=0).tolist()
    return np.array(predicted), np.array(measured)


def main(photos: str, cifar: str, weights: str) -> None:
    """Write latency.png."""
    cases = {
        "lite0": [f"data.folder={photos}"],
        "resnet56": [f"data.root={cifar}", f"space.weights={weights}"],
    }
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8))
    for axis, (name, overrides) in zip(axes, cases.items(), strict=True):
        predicted, measured = times(name, overrides)
        error = np.abs(predicted / measured - 1).mean()
        axis.plot(measured, predicted, ".", alpha=0.7)
        ends = [0, 1.05 * measured.max()]
        axis.plot(ends, ends, "k-", linewidth=0.7)
        axis.set(xlabel="measured ms", ylabel="predicted ms", title=f"{name}: mean error {error:.1%}")
    figure.tight_layout()
    figure.savefig(HERE / "latency.png", dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
