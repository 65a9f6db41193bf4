"""Chosen networks: trained in full, read, scored on the test images.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.arguments import check_list, check_number, check_whole
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.train.full.checkpoint import Trained
    from aebnas.train.full.events import FinalEvent, FinalListener
    from aebnas.train.test.results import TestReport

STOPPED_IMAGES = 1000
"""Test images on which networks really stop, by default."""


def ignore(event: FinalEvent) -> None:
    """Do nothing."""


def train_winner(
    source: str | Path,
    pick: str | None = None,
    *,
    budget_fraction: float | None = None,
    point: int | None = None,
    folder: str | Path | None = None,
    overrides: Sequence[str] = (),
    inherit: bool = False,
    distill: bool = False,
    teacher: str | Path | None = None,
    distill_share: float = 0.5,
    distill_temperature: float = 3.0,
    tune: int = 0,
    static: bool = False,
    device: str | None = None,
    data: str | Path | None = None,
    again: bool = False,
    listener: FinalListener = ignore,
    progress: bool = False,
) -> Trained:
    """Train a network that a search found in full: on train and select together, its policy fitted anew.

    Every epoch is saved: interrupted, the same call continues; finished, it reads what is there.

    Args:
        source: A run's directory, or a winner file (``runs/NAME/winners/KEY.yaml``).
        pick: Which network of a run: ``"knee"`` (default), ``"best"``, ``"METRIC:BOUND"`` as in
            ``"macs:5e6"``, or a key.
        budget_fraction: Share of its own full cost that its exit policy may spend, 0 to 1; default: that of
            the point.
        point: Which of the network's points on the front, from 1 by rising cost.
        folder: Where to write; default: ``RUN/trained/KEY``.
        overrides: Settings of ``training`` and ``exits``, such as ``"training.epochs=60"``.
        inherit: Begin with the weights that the run's supernet holds.
        distill: Learn the answers of the space's largest network too, which is trained first.
        teacher: Learn the answers of this network instead: the folder of a trained one,
            ``package.module:Name`` of code of your own, a ``.pt2`` or ``.aebnas`` file, or a name of ours. It
            must not have seen calibrate or test. Default: ``training.teacher`` of the search, if it had one.
        distill_share: Of those answers in every exit's loss, 0 to 1.
        distill_temperature: Of those answers, above 0.
        tune: Try so many settings of hyperparameters before, on Ray Tune; 0: none.
        static: Train the same network without early exits too, into ``folder/static``.
        device: ``cpu`` or ``cuda:N``; default: a GPU where there is one.
        data: Folder or file where the images are now, if they have moved.
        again: Forget what was trained in the folder before.
        listener: Called with every event (``aebnas.train.full.events``), each epoch among them.
        progress: Show the progress of downloads on standard error.

    Returns:
        ``network``: a plain ``torch.nn.Module`` on the CPU in evaluation mode, fp32, which takes normalised
        images ``(n, channels, height, width)`` and returns the logits of its exits, each ``(n, classes)``;
        ``checkpoint``: how it was trained, its ``policy`` and ``input`` (how images are prepared);
        ``folder``: where both lie.

    Raises:
        ConfigError: The pick, an override, the winner file or the teacher is wrong, or they do not fit
            together.
        NetworkError, CodeError: The teacher cannot be loaded.
        DataError: Something is wrong with the data.
        HardwareError: There is no such device.
        RunError: There is no such run or network, the data have changed since the search, or the folder
            holds another training.
        TrainingError: The training diverged.
        WorkerError: Ray does not start, which tunes.

    Example:
        >>> trained = aebnas.train_winner("runs/mine", "best", folder="winner", static=True)
        >>> logits = trained.network(images)  # of each exit
    """
    from aebnas.data.checks.moved import moved
    from aebnas.train.full.events import NetworkSelected
    from aebnas.train.full.settings import final_settings
    from aebnas.train.select.selected_network import select_network

    check_whole("tune", tune, 0)
    check_number("distill_share", distill_share, 0, 1)
    check_number("distill_temperature", distill_temperature, 0)
    if distill and teacher is not None:
        raise ConfigError("distill and teacher both say who teaches: give one of them")
    selected = select_network(Path(source), pick, budget_fraction, point)
    selected = replace(selected, data=moved(selected.data, _optional(data)))
    # mistakes are told before torch is imported
    final_settings(selected.training, selected.exits, overrides, code_folder=selected.code_folder)
    listener(NetworkSelected(selected))
    from aebnas.train.full.winner_training import TrainingOptions, plan_of
    from aebnas.train.full.winner_training import train_winner as train
    from aebnas.training.losses.teacher import Distillation

    options = TrainingOptions(
        folder=_optional(folder),
        distillation=(
            Distillation(distill_share, distill_temperature) if distill or teacher is not None else None
        ),
        teacher=None if teacher is None else str(teacher),
        inherit=inherit,
        tune=tune,
        static=static,
        again=again,
    )
    return train(plan_of(selected, overrides, device, progress), options, listener)


def load_network(folder: str | Path) -> Trained:
    """Read a network that was trained in full.

    Args:
        folder: Where it lies, as ``runs/NAME/trained/KEY``.

    Returns:
        ``network``, a plain ``torch.nn.Module``, and ``checkpoint``, as of ``train_winner``.

    Raises:
        RunError: A file is missing, edited, damaged or of another network.

    Example:
        >>> network = aebnas.load_network("winner").network
        >>> sum(weights.numel() for weights in network.parameters())
        41226
    """
    from aebnas.train.full.checkpoint import load_trained

    return load_trained(Path(folder))


def evaluate_network(
    network: str | Path | Trained,
    *,
    static: str | Path | None = None,
    hardware: Sequence[str | Path] = (),
    images: int = STOPPED_IMAGES,
    data: str | Path | None = None,
    progress: bool = False,
) -> TestReport:
    """Score a trained network on the test images, which nothing else reads; writes ``evaluation.json``.

    Args:
        network: Folder of the trained network, or what ``train_winner`` returned.
        static: Folder of a static network to compare with; default: ``static`` in the network's.
        hardware: Hardware profiles to predict costs with.
        images: Test images on which the networks really stop, one by one; 0: none.
        data: Folder or file where the images are now, if they have moved.
        progress: Show the progress of downloads on standard error.

    Returns:
        ``network``: ``exits`` and ``policy`` with ``accuracy`` (a share from 0 to 1) and ``macs``, each with
        ``value``, ``low`` and ``high`` of its 95% interval; ``baselines``: other networks and their paired
        ``gain``.

    Raises:
        RunError: A checkpoint is missing, damaged or of other data.
        DataError: The data are not those that the network was trained on.
        HardwareError: A profile lacks a layer.
        ConfigError: An argument is wrong.

    Example:
        >>> aebnas.evaluate_network("winner").network.policy.accuracy.value
        0.974
    """
    check_list("hardware", hardware)
    check_whole("images", images, 0)
    from aebnas.train.full.checkpoint import read_checkpoint

    folder = folder_of(network)
    read_checkpoint(folder)  # before data are read
    from aebnas.train.test.evaluate import evaluate

    return evaluate(folder, _optional(static), hardware, images, progress, _optional(data))


def folder_of(network: str | Path | Trained) -> Path:
    """Return where a trained network lies."""
    return Path(network) if isinstance(network, str | Path) else network.folder


def _optional(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
