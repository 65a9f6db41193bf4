"""A trained supernet for a configuration: found, continued or trained.

    runs/NAME/supernet/supernet.safetensors    the run's own, finished or half trained

A finished one of a neighbouring run with the same facts is copied; an unfinished
one of this run is continued; else a training begins.  Its file records how it went:
``seconds`` (of all sittings), ``device``, ``processes``, ``loss`` and ``accuracies``
(null, or as in ``Progress``) at the last look.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aebnas.config.schema import SearchFile
from aebnas.data.elastic import ElasticBatches
from aebnas.data.splits import Splits
from aebnas.data.statistics import ChannelStatistics
from aebnas.errors import RunError, TrainingError
from aebnas.runtime.process import prepare_process
from aebnas.supernet.crew import Crew, device_of, leading
from aebnas.supernet.identity import supernet_facts
from aebnas.supernet.inheritance import Heirs, new_supernet
from aebnas.supernet.sandwich import Sandwich
from aebnas.supernet.storage import (
    FILE,
    StoredSupernet,
    check_facts,
    into,
    load_supernet,
    save_supernet,
    stored_facts,
)
from aebnas.supernet.supernet import Supernet
from aebnas.supernet.training import SupernetTraining

SECONDS_BETWEEN_NEWS = 1.0
"""Between two reports of an ongoing training."""
LOOKS = 10
"""Looks at three networks' accuracies during a training."""


@dataclass(frozen=True)
class Progress:
    """How far the training of a supernet is."""

    step: int
    steps: int
    loss: float
    """Mean over the latest steps, networks and branches, summed over exits, in nats."""
    seconds: float
    """Of this sitting."""
    accuracies: dict[str, list[float]] | None = None
    """Now and then: of the ``smallest``, a ``middle`` and the ``largest`` network, by exit, on calibrate."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A supernet that can be inherited from."""

    supernet: StoredSupernet
    path: Path
    origin: str
    """``trained``, ``known`` (it was there already) or the path of the file that it was copied from."""


Told = Callable[[Progress], None]


def ready_supernet(config: SearchFile, splits: Splits, run: Path, told: Told, device: str = "cpu") -> Ready:
    """Return the supernet of a run, trained to the end.

    Args:
        config: The whole search-space file.
        splits: Its data.
        run: The run's directory; neighbouring directories are looked through.
        told: Hears how far it is.
        device: Where it is trained.

    Raises:
        RunError: ``supernet.file`` or the run's own file is of something else, or cannot be read or
            written.
        TrainingError: The training diverged.
    """
    facts = _facts(config, splits)
    path = run / "supernet" / FILE
    origin = _known(config, path, facts)
    if origin is None:
        _train(config, splits, path, facts, told, device)
        origin = "trained"
    return Ready(load_supernet(path), path, origin)


def check_given(config: SearchFile, splits: Splits) -> None:
    """Refuse ``supernet.file`` if it does not serve; only its header is read.

    Raises:
        RunError: It is of something else, unfinished, or cannot be read.
    """
    if config.supernet.file is not None:
        _usable(config.supernet.file, _facts(config, splits))


def _facts(config: SearchFile, splits: Splits) -> dict[str, Any]:
    return supernet_facts(config, splits.fingerprint, splits.train.shape[2], len(splits.classes))


def _usable(file: str, facts: dict[str, Any]) -> Path:
    """Return the path of a given supernet, if it is finished and serves.

    Raises:
        RunError: It does not, or cannot be read.
    """
    given = Path(file).expanduser()
    stored, is_finished = stored_facts(given)
    check_facts(given, stored, facts)
    if not is_finished:
        raise RunError(f"{given} is half trained. Finish it: aebnas supernet FILE with its run's --name")
    return given


def _known(config: SearchFile, path: Path, facts: dict[str, Any]) -> str | None:
    """Return where a finished supernet came from, now at ``path``; None: it must be trained."""
    if path.exists():
        stored, is_finished = stored_facts(path)
        check_facts(path, stored, facts)
        if not is_finished and stored != facts:
            raise RunError(
                f"{path} is half trained, for a larger space. Remove it, or give the run another name"
            )
        return "known" if is_finished else None
    if config.supernet.file is not None:
        return _copied(_usable(config.supernet.file, facts), path)
    if config.supernet.reuse == "auto":
        for other in sorted(path.parents[2].glob(f"*/supernet/{FILE}")):
            if _serves(other, facts):
                return _copied(other, path)
    return None


def _serves(path: Path, facts: dict[str, Any]) -> bool:
    try:
        stored, is_finished = stored_facts(path)
    except RunError:  # damaged, or of another version: not ours to judge
        return False
    return is_finished and stored == facts


def _copied(source: Path, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        shutil.copyfile(source, draft)
        draft.replace(path)
    except OSError as error:
        raise RunError(f"cannot copy the supernet {source} to {path}: {error}") from error
    return str(source)


def new_training(
    config: SearchFile, splits: Splits, supernet: Supernet, crew: Crew | None = None
) -> SupernetTraining:
    """Return the training of a supernet at its first step."""
    sandwich = Sandwich(supernet.space, supernet.in_channels, supernet.classes)
    batches = ElasticBatches(
        splits.train,
        device=supernet.device,
        resolutions=supernet.space.positions["resolution"].choices,
        batch_size=config.training.batch_size,
        augment=config.training.augment,
        seed=config.supernet.seed,
        statistics=ChannelStatistics.of(splits.train),
    )
    return SupernetTraining(supernet, sandwich, batches, config.training, config.supernet, crew)


def _train(
    config: SearchFile, splits: Splits, path: Path, facts: dict[str, Any], told: Told, device: str
) -> None:
    size = min(config.supernet.processes, config.supernet.networks)
    begun = load_supernet(path) if path.exists() else None
    with leading(size, device, _follow, (config.model_dump_json(), splits, begun, device)) as crew:
        _lead(crew, config, splits, begun, path, facts, told, device)


def _begun(
    crew: Crew, config: SearchFile, splits: Splits, begun: StoredSupernet | None, device: str
) -> SupernetTraining:
    """Return the training where it stands."""
    prepare_process(torch.device(device))
    supernet = new_supernet(config, splits, device)
    training = new_training(config, splits, supernet, crew)
    if begun is not None:
        into(supernet.weights.tensors, begun.weights, "the supernet")
        training.restore(begun.step, begun.state)
    return training


def _follow(crew: Crew, config: str, splits: Splits, begun: StoredSupernet | None, device: str) -> None:
    """Train this process's share of the networks."""
    settings = SearchFile.model_validate_json(config)
    for _ in _begun(crew, settings, splits, begun, device_of(crew.rank, device)).advance():
        pass


def _lead(
    crew: Crew,
    config: SearchFile,
    splits: Splits,
    begun: StoredSupernet | None,
    path: Path,
    facts: dict[str, Any],
    told: Told,
    device: str,
) -> None:
    """Train this process's share, save and tell."""
    training = _begun(crew, config, splits, begun, device)
    supernet = training.supernet
    before = {} if begun is None else begun.record
    watch = _Watch(config, splits, training, told, before.get("accuracies"))
    began = saved = time.monotonic()

    def save() -> None:
        is_over = training.step == training.steps
        if is_over:
            training.finish()  # whatever saves the last step, a Ctrl-C too: it counts as finished
        state = {} if is_over else training.state()
        record = {
            "seconds": round(before.get("seconds", 0.0) + time.monotonic() - began, 1),
            "device": _device_name(device),
            "processes": crew.size,
            "loss": training.loss if math.isfinite(training.loss) else before.get("loss"),
            "accuracies": watch.accuracies,
        }
        weights = supernet.weights.tensors
        save_supernet(path, StoredSupernet(facts, training.step, training.steps, weights, state, record))

    try:
        for _ in training.advance():
            watch()
            if time.monotonic() - saved > config.supernet.checkpoint_seconds:
                save()
                saved = time.monotonic()
    except KeyboardInterrupt:
        if training.is_between_steps:
            save()
        raise
    save()


def _device_name(device: str) -> str:
    return device if device == "cpu" else torch.cuda.get_device_name(device)


class _Watch:
    """Tells how far a training is, and now and then how good three networks are."""

    def __init__(
        self,
        config: SearchFile,
        splits: Splits,
        training: SupernetTraining,
        told: Told,
        accuracies: dict[str, list[float]] | None,
    ) -> None:
        self._training, self._told, self.accuracies = training, told, accuracies
        self._heirs = Heirs(config, splits, training.supernet)
        self._shown = self._began = time.monotonic()
        self._every = max(1, training.steps // LOOKS)

    def __call__(self) -> None:
        one, now = self._training, time.monotonic()
        looks = one.step % self._every == 0 or one.step == one.steps
        if not looks and now - self._shown < SECONDS_BETWEEN_NEWS:
            return
        self._shown = now
        one.look_at_loss()
        accuracies = self._accuracies() if looks else None
        self.accuracies = accuracies or self.accuracies
        self._told(Progress(one.step, one.steps, one.loss, now - self._began, accuracies))

    def _accuracies(self) -> dict[str, list[float]]:
        with self._training.averaged():
            try:
                return {
                    name: self._heirs.accuracies(architecture)
                    for name, architecture in self._training.sandwich.landmarks().items()
                }
            except TrainingError as error:  # a step with a finite loss can leave weights that are not
                raise self._training.diverged() from error
