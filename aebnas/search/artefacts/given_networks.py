"""Given networks of a run, before the workers start: scored as they are, their features kept on disk."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aebnas.config.schema import WorkersConfig
from aebnas.data.prepare import InputPreparation
from aebnas.data.splits import Splits
from aebnas.errors import ConfigError, TrainingError, WorkerError
from aebnas.evaluation.given_heads import GivenHeads, GivenNetworks
from aebnas.evaluation.settings import CandidateSettings
from aebnas.heads.baseline import FAR_BETTER, BaselineCheck, BaselineStatus, baseline_check
from aebnas.heads.features.parts import CALIBRATE, SELECT
from aebnas.heads.preparations import MOST_IMAGES, better_preparation, preparation_advice, tried_preparations
from aebnas.runs.formatting import percent
from aebnas.runs.store.store import RunStore
from aebnas.runtime.process import prepare_process
from aebnas.search.events import FeaturesProgress, Listener, Noted, Warned
from aebnas.search.workers.resources import own_device
from aebnas.space.api import SearchSpace
from aebnas.task.input_spec import Normalisation

METADATA_NAME = "given_networks"
"""What a run notes: of each network its size, accuracy of its last exit, and what is kept of it."""


def prepared_heads(
    settings: CandidateSettings,
    space: SearchSpace,
    workers: WorkersConfig,
    splits: Splits,
    store: RunStore,
    listener: Listener,
) -> None:
    """Keep what heads are trained on, and train the last head where the network's own is replaced.

    Args:
        settings: Of a plan that begins with heads.
        space: Has given networks.
        workers: Whether this machine computes on GPUs.
        splits: The images.
        store: The run, which notes how each network does.
        listener: Told how far it is, how the networks do as they are, and where their features lie.

    Raises:
        ConfigError: A network answers by chance, as it is, or its classes stand in another order; or the
            limit on disk is too small.
        RunError: The disk is full; what is kept already stays.
        WorkerError: A last head cannot be trained.
    """
    device = torch.device(own_device(workers))
    prepare_process(device)
    networks = GivenNetworks(settings, splits, device, lambda: space)
    is_new = store.metadata(METADATA_NAME) is None
    scores = [_checked(given, splits, is_new, listener) for given in networks.all]
    for given in networks.all:
        listener(Noted(f"{_name(given)}: {given.features.plan.sentence()}"))
    folders = " ".join(shlex.quote(str(networks.folder / name)) for name in ("features", "heads"))
    listener(Noted(f"Features and heads serve later searches, too. To delete them: rm -r {folders}"))
    for given in networks.all:
        _fill(given, listener)
    scores = [
        score or _of_last_head(given, listener) for given, score in zip(networks.all, scores, strict=True)
    ]
    store.put_metadata(
        METADATA_NAME,
        [
            {"size": list(given.network.input.size), "keeps_head": given.network.keeps_head, **score}
            | {"cache": given.features.plan.to_dict(), "folder": str(given.features.store.root)}
            for given, score in zip(networks.all, scores, strict=True)
            if score is not None
        ],
    )


def _checked(given: GivenHeads, splits: Splits, is_new: bool, listener: Listener) -> dict[str, Any] | None:
    """Return how a network does that keeps its head; None: its last head is not trained yet.

    Raises:
        ConfigError: By chance, or as if its classes stood in another order.
    """
    if not given.network.keeps_head:
        return None
    _fill(given, listener, is_held_out=True)
    parts = (CALIBRATE, SELECT)
    logits = np.concatenate([given.answers(part) for part in parts])
    labels = np.concatenate([given.features.labels(part) for part in parts])
    check = baseline_check(logits, labels, splits.classes)
    advice = _advice(given, splits, check) if is_new or check.status is not BaselineStatus.SOUND else ""
    text = " ".join(part for part in (f"{_name(given)}: {check.message()}", advice) if part)
    if check.status is BaselineStatus.CHANCE or check.order_accuracy > FAR_BETTER * check.accuracy:
        raise ConfigError(f"space: {text}")
    listener(Noted(text) if check.status is BaselineStatus.SOUND and not advice else Warned(text))
    return {"accuracy": check.accuracy, "images": check.images}


def _advice(given: GivenHeads, splits: Splits, check: BaselineCheck) -> str:
    """Return which common preparation of its input is better; nothing where there is none."""
    if check.status is BaselineStatus.OTHER_ORDER:
        return ""
    images, labels = _at_size(given, splits)
    tried = tried_preparations(lambda x: _answer(given, x), images, labels)
    is_better = better_preparation(tried, check.accuracy) is not None
    is_needed = is_better or check.status is BaselineStatus.CHANCE
    return preparation_advice(tried, check.accuracy) if is_needed else ""


def _answer(given: GivenHeads, x: Tensor) -> Tensor:
    store = given.features.store
    *_, (_, logits) = store.network.outputs(x.to(store.device))
    return logits


def _at_size(given: GivenHeads, splits: Splits) -> tuple[Any, Any]:
    """Return calibrate images as a network sees them, not normalised: uint8 ``(n, h, w, c)``, and labels."""
    spec, channels = given.network.input, splits.calibrate.shape[-1]
    plain = replace(spec, normalisation=Normalisation((0.0,) * channels, (1.0,) * channels), colours="rgb")
    prepare = InputPreparation(
        splits.calibrate.shape,
        plain,
        device=torch.device("cpu"),
        memory_format=torch.channels_last,
    )
    # in random order: images of a split may stand class by class
    order = np.random.default_rng(0).permutation(len(splits.calibrate))[:MOST_IMAGES]
    pixels = prepare(torch.from_numpy(splits.calibrate.pixels[order]))
    images = (255 * pixels).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    return images.numpy(), splits.calibrate.labels[order]


def _fill(given: GivenHeads, listener: Listener, is_held_out: bool = False) -> None:
    started, name, features = time.monotonic(), _name(given), given.features

    def on_block(done: int, blocks: int) -> None:
        listener(FeaturesProgress(name, done, blocks, time.monotonic() - started))

    features.store.fill(features.plan, on_block, (CALIBRATE, SELECT) if is_held_out else None)


def _of_last_head(given: GivenHeads, listener: Listener) -> dict[str, Any] | None:
    """Return how the head does that takes the place of a network's own, trained where nobody did.

    Raises:
        WorkerError: It cannot be trained.
    """
    try:
        last = given.last
    except TrainingError as error:
        raise WorkerError(f"{_name(given)}: its new last head cannot be trained: {error}") from error
    if last is None:
        return None
    accuracy = float(last.record["select_accuracy"])
    listener(Noted(f"{_name(given)}: with a new last head alone, {percent(accuracy, 1)} on select."))
    return {"accuracy": accuracy, "images": len(given.features.labels(SELECT))}


def _name(given: GivenHeads) -> str:
    """Return how messages call a network."""
    name = given.network.name or "the given network"
    return f"{name} at {given.network.input.tensor.size_text()}"
