"""Do torch, exported graphs one image at a time, and the batched session say the same?

    python benchmarks/parity.py CHECKPOINT EXPORT [--images 5000] [--batch-size 64]

Takes real images of the checkpoint's data (train, calibrate and select; never test), runs them through
torch with training's own preprocessing and through the exported folder, one by one and in batches, and
compares class and exit of every image.  Every difference is listed with how near its decision was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from aebnas.data.dataset import Samples
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.deploy import EarlyExitSession
from aebnas.deploy.exporting.parity import torch_logits
from aebnas.exits.core.scores import exit_scores
from aebnas.train.full.checkpoint import load_trained


def main() -> None:
    """Print the agreement of each pair, and every difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("export", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=64)
    arguments = parser.parse_args()
    trained, session = load_trained(arguments.checkpoint), EarlyExitSession(arguments.export)
    checkpoint = trained.checkpoint
    splits = make_splits(load_dataset(checkpoint.data), checkpoint.data)
    parts = (splits.calibrate, splits.select, splits.train)
    pixels = np.concatenate([part.pixels for part in parts])[: arguments.images]
    images = Samples(pixels, np.zeros(len(pixels), np.int64))
    logits = torch_logits(trained.network, images)
    exits = session.policy.decide(logits)
    classes = logits[np.arange(len(pixels)), exits].argmax(axis=1)
    single = [session.predict(image) for image in pixels]
    batched = [
        prediction
        for start in range(0, len(pixels), arguments.batch_size)
        for prediction in session.predict_batch(pixels[start : start + arguments.batch_size])
    ]
    ways = {
        "torch": np.stack([classes, exits], axis=1),
        "one by one": np.array([(prediction.class_index, prediction.exit) for prediction in single]),
        "batched": np.array([(prediction.class_index, prediction.exit) for prediction in batched]),
    }
    left = np.bincount(exits, minlength=session.exits).tolist()
    print(f"{len(pixels)} images, exits taken in torch: {left}")
    names = list(ways)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            same = (ways[first] == ways[second]).all(axis=1)
            print(f"{first} and {second}: same class and exit for {same.mean():.3%} ({(~same).sum()} differ)")
            for image in np.flatnonzero(~same):
                score = exit_scores("confidence", logits[image : image + 1])[0]
                print(f"  image {image}: {ways[first][image]} {ways[second][image]}, confidences {score}")
    print(f"policy: {session.policy.to_dict()}")


if __name__ == "__main__":
    main()
