"""Training a supernet, step by step: its state is weights, the optimizer's memory and the step.

What a step trains on follows from the seed and the step's number: its images and
its networks.  A training that is continued from a checkpoint therefore does
exactly what an uninterrupted one does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from aebnas.config.sections.supernet import (
    ADAMW_BETAS,
    ADAMW_DECAY,
    ADAMW_RATE,
    AVERAGE_WARMUP,
    SupernetConfig,
)
from aebnas.config.sections.training import TrainingConfig
from aebnas.data.elastic import ElasticBatch, ElasticBatches
from aebnas.data.mixup import loss_of
from aebnas.errors import DivergedError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.api import Architecture
from aebnas.supernet.process_group import ProcessGroup
from aebnas.supernet.sandwich import Sandwich
from aebnas.supernet.supernet import Supernet
from aebnas.training.gradients import GradientRule, equilibrium_shares
from aebnas.training.losses.labelled import labelled_loss
from aebnas.training.losses.modes import mode_of
from aebnas.training.precision import training_dtype
from aebnas.training.schedule import one_cycle
from aebnas.training.trainer import DIVERGED

CHECK_EVERY = 16
"""Steps between looks at the loss: each look waits for the device."""
KEPT = {"sgd": {"momentum": "momentum_buffer"}, "adamw": {"first": "exp_avg", "second": "exp_avg_sq"}}
"""What each optimizer keeps of a weight: by our names torch's."""


class SupernetTraining:
    """One training, begun or continued."""

    def __init__(
        self,
        supernet: Supernet,
        sandwich: Sandwich,
        batches: ElasticBatches,
        training: TrainingConfig,
        settings: SupernetConfig,
        group: ProcessGroup | None = None,
    ) -> None:
        """Begin at step 0 with the supernet's weights as they are.

        Args:
            supernet: Trained in place.
            sandwich: Draws the networks of each step.
            batches: On the supernet's device.
            training: Momentum, weight decay, clipping, label smoothing, number format.
            settings: Everything else.
            group: The processes that share the networks of each step; None: this one alone.
        """
        self.supernet, self.sandwich, self._batches = supernet, sandwich, batches
        self._training, self._settings, self._group = training, settings, group or ProcessGroup()
        self.step = 0
        self.is_whole = True
        """Whether weights, the optimizer's memory and the step belong together: but for a moment of each
        step, and while the average is looked at."""
        self.steps = settings.epochs * len(batches)
        self._dtype = self._number_format()
        self._optimizer = _optimizer(supernet, training, settings)
        flat = supernet.weights.flat
        self._average = (
            {name: weights.detach().clone() for name, weights in flat.items()} if settings.average else {}
        )
        self._recent: list[Tensor] = []
        self._labelled: list[Tensor] = []
        """Of the steps of this epoch, the loss without a teacher's share."""
        self.loss = math.nan
        """Mean over steps before the last look, networks and branches; summed over exits, in nats."""

    def advance(self) -> Iterator[int]:
        """Train the remaining steps; yield the number of finished ones after each.

        Raises:
            DivergedError: The loss became NaN or infinite, or after an epoch is far above that of chance.
        """
        while self.step < self.steps:
            epoch, start = divmod(self.step, len(self._batches))
            for batch in self._batches.epoch(epoch, start):
                self._one_step(batch)
                if self.step % CHECK_EVERY == 0 or self.step == self.steps:
                    self.look_at_loss()
                if self.step % len(self._batches) == 0:
                    self._check_converges()
                yield self.step

    def state(self) -> dict[str, Tensor]:
        """Return the optimizer's memory and the average, by name.

        A continued training needs them, the weights and the step.
        """
        state = {f"average.{name}": tensor for name, tensor in self._average.items()}
        for name, flat in self.supernet.weights.flat.items():
            kept = self._optimizer.state[flat]
            for ours, torchs in KEPT[self._settings.optimizer].items():
                buffer = kept.get(torchs)
                state[f"{ours}.{name}"] = torch.zeros_like(flat) if buffer is None else buffer
        return state

    def restore(self, step: int, state: Mapping[str, Tensor]) -> None:
        """Go on behind a step; the supernet's weights are those of that step already.

        Raises:
            KeyError: The state is incomplete.
        """
        self.step = step
        for name, average in self._average.items():
            average.copy_(state[f"average.{name}"])
        for name, flat in self.supernet.weights.flat.items():
            kept = self._optimizer.state[flat]
            for ours, torchs in KEPT[self._settings.optimizer].items():
                kept[torchs] = state[f"{ours}.{name}"].to(flat.device, copy=True)
            if self._settings.optimizer == "adamw":
                kept["step"] = torch.tensor(float(step), device=flat.device)

    def finish(self) -> None:
        """Put the average, where there is one, in the place of the weights; once more changes nothing."""
        with torch.no_grad():
            for name, average in self._average.items():
                self.supernet.weights.flat[name].copy_(average)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the average in the place of the weights for a while."""
        flat = self.supernet.weights.flat
        kept = {name: flat[name].detach().clone() for name in self._average}
        self.is_whole = False
        self.finish()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, tensor in kept.items():
                    flat[name].copy_(tensor)
            self.is_whole = True

    def _one_step(self, batch: ElasticBatch) -> None:
        weights = self.supernet.weights
        rng = np.random.default_rng((self._settings.seed, self.step))
        networks = self._draw(rng)
        total = torch.zeros(2, device=self.supernet.device)
        mine = self._group.share(networks, lambda branches: self.sandwich.macs(branches[0]))
        teacher = None
        if self._settings.teacher_share and 0 not in mine:
            teacher = self._teacher(networks[0][0], batch)
        for i in mine:
            logits = self._backward(networks[i], batch, teacher, total)
            teacher = logits if i == 0 else teacher
        self._group.sum([*weights.flat_gradients, *weights.flat_uses, total])
        weights.average_gradients()
        if self._training.clip_norm is not None:
            nn.utils.clip_grad_norm_(list(weights.flat.values()), self._training.clip_norm)
        peak = self._settings.peak_rate(self._training.learning_rate)
        for group in self._optimizer.param_groups:
            group["lr"] = one_cycle(self.step, self.steps, peak, self._settings.warmup)
        decay = min(self._settings.average, (self.step + 1) / (self.step + AVERAGE_WARMUP))
        self.is_whole = False
        self._optimizer.step()
        for name, average in self._average.items():
            average.lerp_(weights.flat[name].detach(), 1 - decay)
        self.step += 1
        self.is_whole = True
        weights.forget_gradients()
        self._recent.append(total[0])
        self._labelled.append(total[1])

    def _draw(self, rng: np.random.Generator) -> list[list[Architecture]]:
        count, branches = self._settings.networks, self._settings.branches
        if self._settings.rule == "fair":
            return self.sandwich.draw_fair(count, branches, rng)
        return self.sandwich.draw(count, branches, rng)

    def _backward(
        self, architectures: list[Architecture], batch: ElasticBatch, teacher: Tensor | None, total: Tensor
    ) -> Tensor:
        """Add one network's gradients; return its last exit's logits."""
        subnet = self.supernet.sample_subnet(architectures)
        logits = self._logits(subnet.network, batch)
        losses = loss_of(batch.targets, lambda labels: self._losses(logits, labels, teacher))
        loss, labelled = losses.unbind()
        loss.backward()
        if self._is_balanced(subnet.network):
            shares = equilibrium_shares(subnet.network)
            GradientRule(list(shares), shares, None).apply()
        subnet.accumulate_gradients()
        total += torch.stack([loss.detach(), labelled.detach()]) / self._settings.networks
        return logits[-1][0].detach()

    def _is_balanced(self, network: EarlyExitNetwork) -> bool:
        """Return whether gradients are in equilibrium, as the training of such a network alone has them."""
        weights = (1.0,) * (len(network.architecture.exit_names) + 1)
        return mode_of(self._training.loss)(network, self._training, weights)[0].equilibrium

    @torch.no_grad()
    def _teacher(self, architecture: Architecture, batch: ElasticBatch) -> Tensor:
        """Return the last exit's logits of a network that another process trains."""
        return self._logits(self.supernet.sample_subnet([architecture]).network, batch)[-1][0]

    def _logits(self, network: EarlyExitNetwork, batch: ElasticBatch) -> list[Tensor]:
        """Return the logits of every exit in fp32, computed in the number format of the training."""
        x, is_bf16 = batch.prepared(network.input), self._dtype == torch.bfloat16
        with torch.autocast(self.supernet.device.type, dtype=torch.bfloat16, enabled=is_bf16):
            return [exit_logits.float() for exit_logits in network(x)]

    def _losses(self, logits: list[Tensor], labels: Tensor, teacher: Tensor | None) -> Tensor:
        """Return the sums over exits of ``(1 - a) CE + a T^2 KL(teacher || exit)`` and of CE, in nats."""
        share = 0.0 if teacher is None else self._settings.teacher_share
        temperature, smoothing = self._settings.temperature, self._training.label_smoothing
        losses, labelled = [], []
        for exit_logits in logits:
            branches = len(exit_logits)
            exit_logits = exit_logits.flatten(0, 1)
            loss = labelled_loss(exit_logits, labels.repeat(branches), label_smoothing=smoothing)
            labelled.append(loss)
            if teacher is not None and share:
                soft = kl_div(
                    log_softmax(exit_logits / temperature, dim=1),
                    log_softmax(teacher / temperature, dim=1).repeat(branches, 1),
                    reduction="batchmean",
                    log_target=True,
                )
                loss = (1 - share) * loss + share * temperature**2 * soft
            losses.append(loss)
        return torch.stack([torch.stack(losses).sum(), torch.stack(labelled).sum()])

    def _number_format(self) -> torch.dtype:
        """Return fp32 where any network of the space is trained so: one format for all of them."""
        space, device = self.supernet.space, self.supernet.device
        return training_dtype(self._training.precision, space.backbone_types(), device)

    def look_at_loss(self) -> None:
        """Renew ``loss`` from the steps since the last look, if there were any.

        Raises:
            DivergedError: It is NaN or infinite.
        """
        if not self._recent:
            return
        mean = float(torch.stack(self._recent).mean())
        self._recent.clear()
        if not math.isfinite(mean):
            raise self.diverged()
        self.loss = mean

    def _check_converges(self) -> None:
        """Hold the cross-entropy of an epoch against that of chance, as a candidate's training does."""
        mean = float(torch.stack(self._labelled).mean())
        self._labelled.clear()
        exits = len(self.sandwich.landmarks()["largest"].exit_names) + 1
        chance = exits * math.log(self.supernet.task.classes)
        if mean > DIVERGED * chance:
            raise self.diverged(f"{mean:.3g} on labels alone, chance is {chance:.3g}")

    def diverged(self, loss: str = "NaN or infinite") -> DivergedError:
        """Return what is raised where weights are not finite any more, or the loss is out of bounds."""
        return DivergedError(
            f"the supernet's training diverged: its loss is {loss} (step {self.step} at the latest). Begin "
            "anew, under another --name, with a smaller --set supernet.learning_rate"
        )


def _optimizer(
    supernet: Supernet, training: TrainingConfig, settings: SupernetConfig
) -> torch.optim.Optimizer:
    flat, is_adamw = supernet.weights.flat, settings.optimizer == "adamw"
    groups = [
        {"params": [flat["matrices"]], "weight_decay": ADAMW_DECAY if is_adamw else training.weight_decay},
        {"params": [flat["vectors"]], "weight_decay": 0.0},
    ]
    if is_adamw:
        return torch.optim.AdamW(groups, lr=ADAMW_RATE, betas=ADAMW_BETAS, fused=True)
    return torch.optim.SGD(
        groups,
        lr=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.momentum > 0,
        fused=True,
    )
