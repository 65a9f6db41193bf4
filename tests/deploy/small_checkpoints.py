"""Checkpoints of small networks, really trained on real digits."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from training.small_training import digits

from aebnas.blocks.block import BlockSpec
from aebnas.config.schema import DataConfig
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.data.loader import TrainBatches
from aebnas.deploy.exporting.parity import torch_logits
from aebnas.deploy.scoring import refitted
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import exit_scores
from aebnas.exits.core.threshold_policy import ThresholdPolicy, never_leave
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import weight_bytes
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.train.full.checkpoint import FORMAT, Checkpoint, checkpoint_text, sha256_of
from aebnas.training.train import train

EPOCHS = 6


def three_exits(resolution: int = 12) -> StagedArchitecture:
    """Digits of 8 x 8 pixels are resized to ``resolution``."""
    stages = (
        StageSpec("stage1", (BlockSpec("residual", 3, 8),)),
        StageSpec("stage2", (BlockSpec("mbconv", 3, 16, 2, 2.0, se=True),)),
        StageSpec("stage3", (BlockSpec("residual", 3, 24, 2),)),
    )
    exits = (ExitSpec("stage1", (BlockSpec("conv", 3, 8, 2),)), ExitSpec("stage2", ()))
    return StagedArchitecture(resolution, StemSpec(3, 1, 8, "relu"), stages, exits, FinalSpec(0, 0, "relu"))


def without_exits(architecture: StagedArchitecture) -> StagedArchitecture:
    return StagedArchitecture(
        architecture.resolution, architecture.stem, architecture.stages, (), architecture.final
    )


@cache
def trained(
    loss: str = "gradient_equilibrium", is_static: bool = False
) -> tuple[EarlyExitNetwork, TrainingConfig]:
    config = TrainingConfig(epochs=EPOCHS, batch_size=64, learning_rate=0.2, loss=loss)
    architecture = without_exits(three_exits()) if is_static else three_exits()
    splits = digits()
    torch.manual_seed(0)
    network = EarlyExitNetwork(architecture, splits.task, config.boosting_coefficient)
    batches = TrainBatches(
        splits.train,
        network.input,
        device="cpu",
        batch_size=64,
        augment=config.augment,
        seed=0,
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(network, batches, config, (1.0,) * network.exits, torch.float32)
    return network.to(memory_format=torch.contiguous_format).eval(), config  # type: ignore[call-overload]


def leaving_everywhere(loss: str) -> ThresholdPolicy:
    """A policy under which images leave at every exit, whatever a processor's rounding makes of it."""
    splits = digits()
    logits = torch_logits(trained(loss)[0], splits.select)
    first, second = exit_scores("confidence", logits)[:, :2].T
    at_first = float(np.quantile(first, 0.6))
    return ThresholdPolicy("confidence", (at_first, float(np.quantile(second[first < at_first], 0.5))))


def write_checkpoint(
    folder: Path,
    loss: str = "gradient_equilibrium",
    is_static: bool = False,
    exits: ExitsConfig | None = None,
    policy: ExitPolicy | None = None,
) -> Path:
    """Write a checkpoint as ``aebnas train`` does; the policy spends about 0.85 of the full cost."""
    network, config = trained(loss, is_static)
    splits, exits = digits(), exits or ExitsConfig()
    reach = network_cost(network.architecture, splits.task).reach_macs
    logits = torch_logits(network, splits.calibrate)
    samples = ExitSamples.of(logits, splits.calibrate.labels, reach)
    if policy is None:
        policy = never_leave(1) if is_static else refitted(exits, samples, 0.85 * float(reach[-1]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.pt").write_bytes(weight_bytes(network))
    np.savez(folder / "logits.npz", logits=logits, labels=splits.calibrate.labels)
    checkpoint = Checkpoint(
        format=FORMAT,
        key=network.architecture.key(),
        run="runs/digits",
        seed=0,
        is_static=is_static,
        architecture=network.architecture,
        data=DataConfig(name="digits"),
        data_fingerprint=splits.fingerprint,
        classes=splits.classes,
        image_shape=splits.train.shape,
        mean=network.input.known_normalisation.mean,
        std=network.input.known_normalisation.std,
        training=config,
        exits=exits,
        budget_fraction=0.85,
        policy=policy.to_dict(),
        reach_macs=tuple(reach.tolist()),
        environment={"torch": torch.__version__},
        sha256=sha256_of({name: (folder / name).read_bytes() for name in ("weights.pt", "logits.npz")}),
    )
    (folder / "checkpoint.yaml").write_text(checkpoint_text(checkpoint))
    return folder
