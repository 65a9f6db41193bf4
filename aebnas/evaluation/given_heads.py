"""Given networks of a space, each with the features that are kept of it and the bank of its heads.

The search's process and all workers open the same ones: features and heads lie in the user's cache
(``aebnas.files.user_cache``), filed under all that decides them, so that later searches find them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.config.sections.fidelities.kinds import HeadsConfig
from aebnas.data.prepare import InputPreparation
from aebnas.data.splits import Splits
from aebnas.errors import ConfigError
from aebnas.evaluation.settings import CandidateSettings
from aebnas.files.user_cache import user_cache
from aebnas.heads.bank.head_bank import HeadBank, TrainedHead
from aebnas.heads.bank.request import HeadRequest, HeadTraining
from aebnas.heads.features.cache_plan import CachePlan
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import Part
from aebnas.heads.features.store import FeatureStore
from aebnas.heads.features.views import RandomViews
from aebnas.heads.frozen_network import frozen_network
from aebnas.space.api import Architecture, GivenNetwork, SearchSpace
from aebnas.task.task import Task
from aebnas.training.losses.teacher import Distillation

VIEWS_SEED = 0
"""Searches of all seeds share features."""
PLENTY_MB = 1e12


class GivenHeads:
    """The heads of one given network at one resolution."""

    def __init__(self, network: GivenNetwork, features: Features, bank: HeadBank, task: Task) -> None:
        """Open both; nothing is computed or trained yet."""
        self.network, self.features, self._bank, self._task = network, features, bank, task

    @cached_property
    def last(self) -> TrainedHead | None:
        """Return the head that takes the place of the network's own; None: that one stays.

        Raises:
            TrainingError: It cannot be trained.
            RunError: It cannot be written.
        """
        if self.network.keeps_head:
            return None
        return self._bank.last_head(HeadRequest(self.network.places[-1], self.network.head))

    def heads(self, architecture: Architecture) -> list[TrainedHead]:
        """Return a candidate's heads in order, trained now where nobody did; its last one, too, if it is new.

        Raises:
            TrainingError: One cannot be trained.
            RunError: One cannot be written.
        """
        last, places, pieces = self.last, self.network.places, 0
        bank = self._bank if last is None else self._bank.distilled_from(last)
        heads = []
        for segment in architecture.segments(self._task):
            pieces += len(segment.backbone)
            if pieces < len(places):
                heads.append(bank.head(HeadRequest(places[pieces - 1], segment.exit)))
            elif last is not None:
                heads.append(last)
        return heads

    def answers(self, part: Part) -> NDArray[np.float32]:
        """Return what the network's last exit says of a part, ``(n, classes)``."""
        return self.features.answers(part) if self.last is None else self.last.answers(part)

    def exit_weights(self, head: TrainedHead) -> Mapping[str, Tensor]:
        """Return the weights of a head by their names in ``ExitSegment.exit``."""
        return head.branch(self.features).exit.state_dict()


class GivenNetworks:
    """All given networks of a space."""

    def __init__(
        self,
        settings: CandidateSettings,
        splits: Splits,
        device: torch.device,
        space: Callable[[], SearchSpace],
    ) -> None:
        """Open nothing yet.

        Args:
            settings: Of a plan that begins with heads.
            splits: The images.
            device: Where networks run and heads are trained.
            space: Returns the space.
        """
        self._settings, self._splits, self._device, self._space = settings, splits, device, space
        self.folder = user_cache()
        self._by_backbone: dict[str, GivenHeads] = {}

    @cached_property
    def all(self) -> tuple[GivenHeads, ...]:
        """Return every one; the first call takes a second for each.

        Raises:
            ConfigError: The limit on disk is too small for anything.
        """
        networks = self._space().given_networks(self._splits.task)
        stores = [self._store(network) for network in networks]
        try:
            plans = shared_plans(stores, self._options.cache_limit_mb, self._options.views)
        except ConfigError as error:
            raise ConfigError(f"evaluation.fidelities.0.cache_limit_mb: {error}") from None
        opened = []
        for network, store, plan in zip(networks, stores, plans, strict=True):
            features = Features(store, plan)
            bank = HeadBank(self.folder / "heads", features, self._training)
            opened.append(GivenHeads(network, features, bank, self._splits.task))
        return tuple(opened)

    def of(self, architecture: Architecture) -> GivenHeads:
        """Return the one that a candidate's exits stand on.

        Raises:
            ValueError: The space has none such.
        """
        key = architecture.without_exits().key()
        if key not in self._by_backbone:
            own = architecture.given(self._splits.task)
            given = next((given for given in self.all if given.network == own), None)
            if given is None:
                raise ValueError(f"candidate {architecture.key()} stands on no network of its space")
            self._by_backbone[key] = given
        return self._by_backbone[key]

    @property
    def _options(self) -> HeadsConfig:
        options = self._settings.plan.fidelities[0].options
        if not isinstance(options, HeadsConfig):
            raise ValueError(f"heads are trained by a plan that begins with heads, not {options.kind}")
        return options

    @property
    def _training(self) -> HeadTraining:
        options, training = self._options, self._settings.training
        changed = {
            "epochs": self._settings.plan.fidelities[0].epochs,
            "learning_rate": options.peak_rate(training.learning_rate),
        }
        distillation = Distillation(options.distillation, options.temperature)
        return HeadTraining(training.model_copy(update=changed), distillation, self._settings.seed)

    def _store(self, network: GivenNetwork) -> FeatureStore:
        options = self._options
        prepare = InputPreparation(
            self._splits.train.shape,
            network.input,
            device=self._device,
            memory_format=torch.channels_last,
        )
        views = RandomViews(
            VIEWS_SEED,
            area=(options.view_area, 1.0),
            flip=self._settings.training.augment.flip,
            brightness=options.view_colours,
            contrast=options.view_colours,
            saturation=options.view_colours,
        )
        frozen = frozen_network(network, prepare, self._device)
        return FeatureStore(self.folder / "features", frozen, self._splits, views, self._device)


def shared_plans(stores: Sequence[FeatureStore], limit_mb: float, views: int) -> list[CachePlan]:
    """Return what to keep of each store, so that all together stay within a limit.

    Args:
        stores: Of all networks.
        limit_mb: Of all together, in millions of bytes; each gets a share by what all of it would take.
        views: Wanted of every training image.

    Raises:
        ConfigError: Not even the networks' own answers fit.
    """
    full = [store.plan(PLENTY_MB, views).full_bytes for store in stores]
    return [store.plan(limit_mb * size / sum(full), views) for store, size in zip(stores, full, strict=True)]
