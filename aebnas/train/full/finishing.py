"""From trained weights to a checkpoint: the exit policy, the costs, the files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aebnas.config.outside import names_in
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import never_leave
from aebnas.exits.policies.configured import configured_family, configured_target
from aebnas.extensions.consent import code_digest
from aebnas.files.atomic import write_atomically
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.profile.device_costs import ReachCosts, reach_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import weight_bytes
from aebnas.runs.environment import environment
from aebnas.runs.store.arrays import pack_arrays
from aebnas.train.full.checkpoint import (
    EVALUATION_FILE,
    FORMAT,
    LOGITS,
    WEIGHTS,
    Checkpoint,
    FileName,
    TeacherRecord,
    Trained,
    checkpoint_text,
    load_trained,
    sha256_of,
)
from aebnas.train.full.events import NetworkTrained
from aebnas.train.full.exit_fit import fit_exits
from aebnas.train.full.files import writing
from aebnas.train.full.plan import Plan, TrainingJob


def finish(network: EarlyExitNetwork, logits: NDArray[np.float32], job: TrainingJob, plan: Plan) -> Trained:
    """Fit the exit policy and write the checkpoint; its last file is ``checkpoint.yaml``.

    Args:
        network: Trained.
        logits: Of every exit on calibrate.
        job: What it is.
        plan: From what.

    Raises:
        RunError: The folder cannot be written.
        HardwareError: A profile of the run lacks a layer.
    """
    labels = plan.images.held_out.labels
    files: dict[FileName, bytes] = {
        WEIGHTS: weight_bytes(network),
        LOGITS: pack_arrays({"logits": logits, "labels": labels}),
    }
    checkpoint = _checkpoint(job, plan, logits, labels, sha256_of(files))
    with writing(job.folder):
        for name, content in files.items():
            write_atomically(job.folder / name, content)
    _write(checkpoint, job)
    return load_trained(job.folder)


def refitted(trained: Trained, job: TrainingJob, plan: Plan) -> Trained:
    """Return a finished network with the policy that is asked for, which is written if it is another."""
    old = trained.checkpoint
    refitted_checkpoint = _checkpoint(
        job, plan, trained.calibrate_logits, trained.calibrate_labels, old.sha256
    )
    asked = ("exits", "budget_fraction", "policy", "cost_metric", "reach_costs", "code_folder", "code")
    before, now = (
        checkpoint.model_dump(mode="json", include=set(asked)) for checkpoint in (old, refitted_checkpoint)
    )
    if before == now:
        return trained
    changed = old.model_copy(update={name: getattr(refitted_checkpoint, name) for name in asked})
    _write(changed, job)
    return replace(trained, checkpoint=changed)


def training_event(trained: Trained, job: TrainingJob, plan: Plan, was_known: bool) -> NetworkTrained:
    """Return the event for a complete checkpoint."""
    checkpoint = trained.checkpoint
    samples = ExitSamples.of(trained.calibrate_logits, trained.calibrate_labels, reach_of(checkpoint))
    policy = checkpoint.exit_policy
    outcome = outcome_of(policy, samples)
    exits = plan.settings.exits
    target = None if job.is_static else configured_target(exits, plan.cost_metric)
    # fitted once more for what the checkpoint does not keep: warnings, and what could be reached instead
    target_check = (
        None if target is None else target.fit(configured_family(exits.only), samples).target_check.to_dict()
    )
    return NetworkTrained(
        role=job.role,
        key=checkpoint.key,
        folder=job.folder,
        was_known=was_known,
        accuracy=tuple(float(share) for share in samples.correct.mean(axis=0)),
        policy_accuracy=outcome.accuracy,
        policy_cost=outcome.cost,
        cost_metric=checkpoint.cost_metric,
        target_check=target_check,
    )


def reach_of(checkpoint: Checkpoint) -> tuple[float, ...]:
    """Return the cost of leaving at each exit, in what the policy trades."""
    return tuple(reach_in(checkpoint.cost_metric, checkpoint.reach_macs, checkpoint.reach_costs))


def _checkpoint(
    job: TrainingJob,
    plan: Plan,
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    sha256: dict[FileName, str],
) -> Checkpoint:
    images, identity = plan.images, job.identity(plan)
    reach_macs = tuple(network_cost(job.architecture, images.task).reach_macs.tolist())
    reach_costs = plan.selected.devices.reach_costs(job.architecture, images.task)
    policy = dict(_fitted(job, plan, logits, labels, reach_macs, reach_costs).to_dict())
    settings = plan.settings.model_dump(mode="json")
    names = names_in({**settings, "space": [job.architecture.to_dict(), policy]})
    return Checkpoint(
        format=FORMAT,
        key=job.architecture.key(),
        run=plan.selected.run,
        seed=job.seed(plan),
        is_static=job.is_static,
        architecture=job.architecture,
        data=images.data,
        data_fingerprint=images.fingerprint,
        classes=images.classes,
        image_shape=images.train.shape,
        mean=images.normalisation.mean,
        std=images.normalisation.std,
        training=plan.settings.training,
        exits=plan.settings.exits,
        budget_fraction=plan.budget_fraction,
        policy=policy,
        reach_macs=reach_macs,
        environment=environment(),
        cost_metric=plan.cost_metric,
        reach_costs=reach_costs,
        teacher=None if identity["teacher"] is None else TeacherRecord(**identity["teacher"]),
        supernet=identity.get("supernet"),
        code_folder=plan.settings.code_folder if names else None,
        code={name: code_digest(name) for name in names},
        sixteen_bit_depth=images.depth,
        sha256=sha256,
    )


def _fitted(
    job: TrainingJob,
    plan: Plan,
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    reach_macs: tuple[float, ...],
    reach_costs: ReachCosts,
) -> ExitPolicy:
    if job.is_static:
        return never_leave(1)
    metric = plan.cost_metric
    reach = reach_in(metric, reach_macs, reach_costs)
    return fit_exits(plan.settings.exits, metric, plan.budget_fraction, logits, labels, reach)


def _write(checkpoint: Checkpoint, job: TrainingJob) -> None:
    with writing(job.folder):
        (job.folder / EVALUATION_FILE).unlink(missing_ok=True)
        write_atomically(job.folder / "checkpoint.yaml", checkpoint_text(checkpoint).encode())
