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
from aebnas.task.input_spec import InputSpec
from aebnas.train.full.checkpoint import Trained, load_trained, read_checkpoint
from aebnas.train.full.events import EpochEnded, FinalListener, TrainingBegan, ignore
from aebnas.train.full.files import writing
from aebnas.train.full.finishing import finish, refitted, training_event
from aebnas.train.full.plan import Plan, Task, identity_of
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


def train_network(task: Task, plan: Plan, listener: FinalListener = ignore, again: bool = False) -> Trained:
    """Train a network, continue its training, or read it where it is finished.

    A finished network's exit policy is fitted anew where another one is asked for.

    Args:
        task: What to train, and where to.
        plan: Images and settings.
        listener: Told what happens.
        again: Forget what lies in the folder.

    Raises:
        ConfigError: The settings do not fit the network or the images.
        RunError: The folder holds another training, is damaged or cannot be written.
        TrainingError: The training diverged.
    """
    task.weights(plan)  # wrong ones are told before anything is written
    with writing(task.folder):
        task.folder.mkdir(parents=True, exist_ok=True)
    with writing(task.folder), run_lock(task.folder):
        if again:
            (task.folder / "checkpoint.yaml").unlink(missing_ok=True)
            forget_unfinished(task.folder)
        identity = task.identity(plan)
        if (task.folder / "checkpoint.yaml").exists():
            _check_same(task, identity_of(read_checkpoint(task.folder)), identity)
            trained, was_known = refitted(load_trained(task.folder), task, plan), True
        else:
            known = read_unfinished(task.folder)
            if known is not None:
                _check_same(task, known.identity, identity)
            network = _trained(task, plan, listener, known)
            logits = held_out_logits(network, plan)
            trained, was_known = finish(network, logits, task, plan), False
        forget_unfinished(task.folder)
    listener(training_event(trained, task, plan, was_known))
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


def built_network(task: Task, plan: Plan) -> EarlyExitNetwork:
    """Return the network of a task with the weights that it begins with, on the plan's device.

    Raises:
        ConfigError: Pretrained weights are not installed, or not for this network.
        RunError: The supernet that they are in cannot be read.
    """
    images = plan.images
    torch.manual_seed(task.seed(plan))
    network = begun_network(task.architecture, images.task, plan.settings.training)
    if task.inheritance is not None:
        task.inheritance.give(network, images.task)
    network.to(torch.device(plan.device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def trained_weights(
    task: Task, plan: Plan, make_callback: Callable[[EarlyExitNetwork], CheckpointCallback]
) -> EarlyExitNetwork:
    """Return the network of a task, trained; nothing but the callback writes anything.

    Args:
        task: What to train.
        plan: From what.
        make_callback: Returns who follows the training of a network.

    Raises:
        ConfigError: The settings do not fit the network or the images.
        RunError: The supernet whose weights it begins with cannot be read.
        TrainingError: The training diverged.
    """
    device, training = torch.device(plan.device), plan.settings.training
    prepare_process(device)
    network, weights, seed = built_network(task, plan), task.weights(plan), task.seed(plan)
    plain = train_batches(plan, network.input, seed)
    phases, batches = mode_of(training.loss)(network, training, weights), cast(Batches, plain)
    if task.teacher is not None:
        teacher = task.teacher.trained.network.to(device)
        seen = train_batches(plan, teacher.input, seed)
        batches = DistilledBatches(plain, seen, teacher)
        phases = distilled_phases(phases, task.teacher.distillation, weights, chance(network))
    dtype = training_dtype(training.precision, task.architecture.backbone_types, device)
    train_phases(network, batches, training, phases, dtype, make_callback(network))
    return network


def held_out_accuracy(network: EarlyExitNetwork, plan: Plan) -> list[float]:
    """Return the accuracy of every exit on the images held out; the network's mode stays."""
    with evaluating(network):
        logits = held_out_logits(network, plan)
    right = logits.argmax(axis=2) == plan.images.held_out.labels[:, None]
    return [float(share) for share in right.mean(axis=0)]


def _trained(task: Task, plan: Plan, listener: FinalListener, known: Unfinished | None) -> EarlyExitNetwork:
    rows, epochs = known.rows if known else (), plan.settings.training.epochs
    key, images = task.architecture.key(), len(plan.images.train)
    inherits = task.inheritance is not None
    listener(TrainingBegan(task.role, key, task.folder, epochs, len(rows), images, inherits))
    log = TrainingLog(task.folder, exit_names(task.architecture), rows)
    return trained_weights(task, plan, lambda network: _callback(task, plan, listener, known, network, log))


def _callback(
    task: Task,
    plan: Plan,
    listener: FinalListener,
    known: Unfinished | None,
    network: EarlyExitNetwork,
    log: TrainingLog,
) -> SavingCallback:
    epochs = plan.settings.training.epochs
    every, began = max(1, epochs // LOOKS), [time.perf_counter()]
    names = [f"accuracy[{name}]" for name in exit_names(task.architecture)]

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
        listener(_epoch_event(row, task, epochs, names))
        began[0] = time.perf_counter()

    return SavingCallback(task.folder, task.identity(plan), known, note, wrote)


def _epoch_event(row: Row, task: Task, epochs: int, names: Sequence[str]) -> EpochEnded:
    looked = tuple(float(row[name]) for name in names if name in row)
    return EpochEnded(
        role=task.role,
        epoch=int(row["epoch"]),
        epochs=epochs,
        phase=int(row["phase"]),
        loss=float(row["loss"]),
        learning_rate=float(row["learning_rate"]),
        seconds=float(row["seconds"]),
        accuracy=looked or None,
    )


def _check_same(task: Task, known: Identity, wanted: Identity) -> None:
    changed = differences(known, wanted)
    if changed:
        raise RunError(
            f"{task.folder} holds a training with other settings: {'; '.join(changed)}. Continue it "
            "with its own settings, train anew with --again, or elsewhere with -o DIR"
        )
