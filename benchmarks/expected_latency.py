"""Predicted expected latency against measured mean latency over real images, really stopping.

    python benchmarks/expected_latency.py RUN [RUN...] --profile PROFILE.yaml [--candidates 10] [--rounds 5]

Takes distinct trained candidates with early exits of runs of one space (their weights: members of the
front), each at its point for half of its full cost, and runs real images one by one through the runner of
the profile's runtime.  The prediction uses the profile and the exit rates on those same images; every image
counts once per round, and the mean is over all of them, outliers included.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np
import torch

from aebnas.data.datasets import load_dataset
from aebnas.data.loader import eval_batches
from aebnas.data.splits import make_splits
from aebnas.hardware.measure.network_clock import anchor_clock, network_runner
from aebnas.hardware.profile.profile import read_profile
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runs.store.store import RunStore
from aebnas.runtime.process import prepare_process
from aebnas.runtime.runner import confidence

BUDGET_FRACTION = 0.5


def main() -> None:
    """Print one row per candidate and the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    profile, stores = read_profile(arguments.profile), [RunStore(path) for path in arguments.runs]
    target = profile.metadata.target
    prepare_process(torch.device(target.device), target.threads, compare_kernels=True)
    config = stores[0].config
    splits = make_splits(load_dataset(config.data), config.data)
    kept = {
        evaluation.key: (evaluation, store)
        for store in stores
        for evaluation in store.evaluations()
        # a network without early exits has nothing to predict
        if evaluation.is_done
        and len(evaluation.reach_macs) > 1
        and store.artefacts.weights_path(evaluation.key, evaluation.fidelity).exists()
    }
    chosen = [kept[key] for key in sorted(kept)][: arguments.candidates]
    anchor = anchor_clock(target)
    levels, errors = [], []
    print("| network | exits | predicted ms | measured ms | error |\n| --- | --- | --- | --- | --- |")
    for evaluation, store in chosen:
        network = EarlyExitNetwork(
            evaluation.architecture,
            splits.task,
            config.training.boosting_coefficient,
        )
        weights = io.BytesIO(store.artefacts.weights_path(evaluation.key, evaluation.fidelity).read_bytes())
        network.load_state_dict(torch.load(weights, weights_only=True))
        reach = profile.reach_latency_ms(network.plan)
        images = np.concatenate(
            [
                x.numpy()
                for part in (splits.select, splits.calibrate)
                for x, _ in eval_batches(part, network.input, device="cpu", batch_size=250)
            ]
        )[: arguments.images]
        thresholds = np.array(evaluation.curve.policies[evaluation.point_index(BUDGET_FRACTION)].thresholds)
        runner = network_runner(network, target)

        def leave(exit_: int, logits: np.ndarray, limits: np.ndarray = thresholds) -> bool:
            return bool(confidence(logits)[0] >= limits[exit_])

        singles = [np.ascontiguousarray(images[i : i + 1]) for i in range(len(images))]
        exits = np.array([runner.run(x, leave).exit for x in singles])
        spent = []
        for _ in range(arguments.rounds):
            levels.append(anchor.full_ns() / 1e6)
            started = time.perf_counter()
            for x in singles:
                runner.run(x, leave)
            spent.append((time.perf_counter() - started) / len(singles) * 1e3)
        rates = np.bincount(exits, minlength=len(reach)) / len(exits)
        predicted, measured = float(rates @ reach), float(np.median(spent))
        errors.append(predicted / measured - 1)
        print(
            f"| {evaluation.key} | {'/'.join(f'{rate:.0%}' for rate in rates)} "
            f"| {predicted:.4f} | {measured:.4f} | {errors[-1]:+.1%} |"
        )
    print(f"\nmean absolute error {np.mean(np.abs(errors)):.1%}, largest {np.max(np.abs(errors)):.1%}")
    print(f"anchor now / when profiled: {np.median(levels) / profile.metadata.anchor_ms:.3f}")


if __name__ == "__main__":
    main()
