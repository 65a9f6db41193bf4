"""Training one network in full: every epoch is saved, and the same call goes on behind the last.

Files in the network's folder, beside those of the checkpoint:

training.pt     until it is finished: weights, optimiser, random states
log.csv         one row per epoch
tensorboard/    the same as events
lock            who trains here, or did last
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.data.loader import TrainBatches
from aebnas.errors import RunError
from aebnas.files.lock import run_lock
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import begun_network
from aebnas.runs.formatting import exit_names
from aebnas.runtime.process import prepare_process
from aebnas.task.answers import is_right
from aebnas.task.input_spec import InputSpec
from aebnas.train.full.checkpoint import Trained, load_trained, read_checkpoint
from aebnas.train.full.events import EpochEnded, FinalListener, TrainingBegan, ignore
from aebnas.train.full.files import writing
from aebnas.train.full.finishing import finish, refitted, training_event
from aebnas.train.full.plan import Plan, TrainingJob, identity_of
from aebnas.train.full.training_log import Row, TrainingLog
from aebnas.train.full.unfinished import (
    Identity,
    SavingCallback,
    Unfinished,
    differences,
    forget_unfinished,
    read_unfinished,
)
from aebnas.training.checkpoint_callback import CheckpointCallback, Epoch
from aebnas.training.image_logits import image_logits
from aebnas.training.losses.modes import mode_of
from aebnas.training.losses.teacher import DistilledBatches, distilled_phases
from aebnas.training.phase import chance
from aebnas.training.precision import training_dtype
from aebnas.training.trainer import Batches, evaluating, train_phases

LOOKS = 10
"""How often, in a training, the exits' accuracy on calibrate is looked at."""


def train_network(
    job: TrainingJob, plan: Plan, listener: FinalListener = ignore, again: bool = False
) -> Trained:
    """Train a network, continue its training, or read it where it is finished.

    A finished network's exit policy is fitted anew where another one is asked for.

    Args:
        job: What to train, and where to.
        plan: Images and settings.
        listener: Told what happens.
        again: Forget what lies in the folder.

    Raises:
        ConfigError: The settings do not fit the network or the images.
        RunError: The folder holds another training, is damaged or cannot be written.
        TrainingError: The training diverged.
    """
    job.check(plan)  # wrong ones are told before anything is written
    with writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    with writing(job.folder), run_lock(job.folder):
        if again:
            (job.folder / "checkpoint.yaml").unlink(missing_ok=True)
            forget_unfinished(job.folder)
        identity = job.identity(plan)
        if (job.folder / "checkpoint.yaml").exists():
            _check_same(job, identity_of(read_checkpoint(job.folder)), identity)
            trained, was_known = refitted(load_trained(job.folder), job, plan), True
        else:
            unfinished = read_unfinished(job.folder)
            if unfinished is not None:
                _check_same(job, unfinished.identity, identity)
            network = _trained(job, plan, listener, unfinished)
            logits = held_out_logits(network, plan)
            trained, was_known = finish(network, logits, job, plan), False
        forget_unfinished(job.folder)
    listener(training_event(trained, job, plan, was_known))
    return trained


def held_out_logits(network: EarlyExitNetwork, plan: Plan) -> NDArray[np.float32]:
    """Return a network's logits on the images held out, ``(N, E, K)``; it is then in evaluation mode."""
    return image_logits(network, plan.images.held_out)


def train_batches(plan: Plan, spec: InputSpec, seed: int) -> TrainBatches:
    """Return augmented batches of the training images for one network."""
    training = plan.settings.training
    return TrainBatches(
        plan.images.train,
        spec,
        device=plan.device,
        batch_size=training.batch_size,
        augment=training.augment,
        seed=seed,
    )


def built_network(job: TrainingJob, plan: Plan) -> EarlyExitNetwork:
    """Return the network of a job with the weights that it begins with, on the plan's device.

    Raises:
        ConfigError: Pretrained weights are not installed, or not for this network.
        RunError: The supernet that they are in cannot be read.
    """
    images = plan.images
    torch.manual_seed(job.seed(plan))
    network = begun_network(job.architecture, images.task, plan.settings.training)
    if job.inheritance is not None:
        job.inheritance.give(network, images.task)
    network.to(torch.device(plan.device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def trained_weights(
    job: TrainingJob, plan: Plan, make_callback: Callable[[EarlyExitNetwork], CheckpointCallback]
) -> EarlyExitNetwork:
    """Return the network of a job, trained; nothing but the callback writes anything.

    Args:
        job: What to train.
        plan: From what.
        make_callback: Returns who follows the training of a network.

    Raises:
        ConfigError: The settings do not fit the network or the images.
        RunError: The supernet whose weights it begins with cannot be read.
        TrainingError: The training diverged.
    """
    device, training = torch.device(plan.device), plan.settings.training
    prepare_process(device)
    network, weights, seed = built_network(job, plan), job.weights(plan), job.seed(plan)
    plain = train_batches(plan, network.input, seed)
    phases, batches = mode_of(training.loss)(network, training, weights), cast(Batches, plain)
    if job.teacher is not None:
        teacher = job.teacher.network.to(device)
        seen = train_batches(plan, job.teacher.input, seed)
        batches = DistilledBatches(plain, seen, teacher)
        phases = distilled_phases(phases, job.teacher.distillation, weights, chance(network))
    dtype = training_dtype(training.precision, job.architecture.backbone_types, device)
    train_phases(network, batches, training, phases, dtype, make_callback(network))
    return network


def held_out_accuracy(network: EarlyExitNetwork, plan: Plan) -> list[float]:
    """Return the accuracy of every exit on the images held out; the network's mode stays."""
    with evaluating(network):
        logits = held_out_logits(network, plan)
    right = is_right(logits, plan.images.held_out.labels)
    return [float(share) for share in right.mean(axis=0)]


def _trained(
    job: TrainingJob, plan: Plan, listener: FinalListener, unfinished: Unfinished | None
) -> EarlyExitNetwork:
    rows, epochs = unfinished.rows if unfinished else (), plan.settings.training.epochs
    key, images = job.architecture.key(), len(plan.images.train)
    inherits = job.inheritance is not None
    listener(TrainingBegan(job.role, key, job.folder, epochs, len(rows), images, inherits))
    log = TrainingLog(job.folder, exit_names(job.architecture), rows)
    return trained_weights(
        job, plan, lambda network: _callback(job, plan, listener, unfinished, network, log)
    )


def _callback(
    job: TrainingJob,
    plan: Plan,
    listener: FinalListener,
    unfinished: Unfinished | None,
    network: EarlyExitNetwork,
    log: TrainingLog,
) -> SavingCallback:
    epochs = plan.settings.training.epochs
    every, began = max(1, epochs // LOOKS), [time.perf_counter()]
    names = [f"accuracy[{name}]" for name in exit_names(job.architecture)]

    def note(epoch: Epoch) -> Row:
        seconds = time.perf_counter() - began[0]
        row: dict[str, float | int | str] = {
            "epoch": epoch.number,
            "phase": epoch.phase + 1,
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "seconds": seconds,
        }
        if epoch.number % every == 0 or epoch.number == epochs:
            row |= dict(zip(names, held_out_accuracy(network, plan), strict=True))
        return row

    def wrote(row: Row) -> None:
        log.rows.append(row)
        log.write()
        listener(_epoch_event(row, job, epochs, names))
        began[0] = time.perf_counter()

    return SavingCallback(job.folder, job.identity(plan), unfinished, note, wrote)


def _epoch_event(row: Row, job: TrainingJob, epochs: int, names: Sequence[str]) -> EpochEnded:
    looked = tuple(float(row[name]) for name in names if name in row)
    return EpochEnded(
        role=job.role,
        epoch=int(row["epoch"]),
        epochs=epochs,
        phase=int(row["phase"]),
        loss=float(row["loss"]),
        learning_rate=float(row["learning_rate"]),
        seconds=float(row["seconds"]),
        accuracy=looked or None,
    )


def _check_same(job: TrainingJob, before: Identity, now: Identity) -> None:
    changed = differences(before, now)
    if changed:
        raise RunError(
            f"{job.folder} holds a training with other settings: {'; '.join(changed)}. Continue it "
            "with its own settings, train anew with --again, or elsewhere with -o DIR"
        )
