"""Exported graphs against torch, on real images and with the preprocessing of each."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.data.dataset import Samples
from aebnas.deploy.manifest import Parity
from aebnas.deploy.preprocessing import Preprocessing
from aebnas.deploy.scoring import BATCH, prepared
from aebnas.deploy.segments import SegmentChain
from aebnas.errors import RunError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.image_logits import image_logits

LARGEST_DIFFERENCE = 1e-4
"""Of a logit, as a share of the largest one, or absolute where all are below 1: fp32 rounds in shares."""
IMAGES = 512
"""Calibrate images compared, at most; of every image all exits."""


def torch_logits(network: EarlyExitNetwork, images: Samples) -> NDArray[np.float32]:
    """Return the logits of every exit in torch, as training computes them, ``(images, exits, classes)``."""
    return image_logits(network, images, torch.contiguous_format)


def checked_parity(
    network: EarlyExitNetwork,
    chain: SegmentChain,
    images: Samples,
    prepare: Preprocessing,
) -> Parity:
    """Compare the logits of every exit, in batches and one by one.

    Args:
        network: In torch, in evaluation mode, on the CPU.
        chain: Its exported graphs.
        images: Real images that are no test images.
        prepare: What the export prepares images by.

    Raises:
        RunError: A logit differs by more than ``allowed_difference``.
    """
    some = images.take(np.arange(min(IMAGES, len(images))))
    expected = torch_logits(network, some)
    batched = chain.all_logits(prepared(some, prepare))
    singles = prepare(some.pixels[:BATCH])
    single = chain.all_logits(singles[i : i + 1] for i in range(len(singles)))
    difference = max(
        float(np.abs(batched - expected).max()), float(np.abs(single - expected[: len(single)]).max())
    )
    allowed = allowed_difference(expected)
    if not difference <= allowed:  # NaN too
        raise RunError(
            f"refused: the ONNX graphs differ from torch by up to {difference:.2g} in a logit on "
            f"{len(some)} calibrate images; at most {allowed:.2g} is allowed. Nothing was written"
        )
    return Parity(images=len(some), max_difference=difference)


def allowed_difference(logits: NDArray[np.float32]) -> float:
    """Return by how much a logit may differ from one of torch, of these logits."""
    return LARGEST_DIFFERENCE * max(1.0, float(np.abs(logits).max()))
