"""What an early-exit network is compared with: itself without exits, and the run's best static network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from aebnas.data.splits import Splits
from aebnas.errors import RunError
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.threshold_policy import never_leave
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runs.formatting import count, percent
from aebnas.runs.static.networks import best_alone
from aebnas.runs.store.location import has_database
from aebnas.runs.store.store import RunStore
from aebnas.train.full.checkpoint import Checkpoint, load_trained, read_checkpoint
from aebnas.train.full.winner_training import STATIC
from aebnas.train.select.selected_network import TRAINED


@dataclass(frozen=True, eq=False)
class ScoredNetwork:
    """A network that answers test images."""

    name: str
    key: str
    network: EarlyExitNetwork
    policy: ExitPolicy
    note: str = ""
    """How far its training can be compared."""


@dataclass(frozen=True)
class Missing:
    """A baseline that is not there, and why."""

    name: str
    why: str


OTHER = "the network of --static"
SAME = "the same network without early exits"
BEST = "best static network of the run"


def scored_network(folder: Path, name: str, fingerprint: str | None = None, note: str = "") -> ScoredNetwork:
    """Return a trained network.

    Args:
        folder: Of its checkpoint.
        name: What it is in the comparison.
        fingerprint: Of the data that it must have been trained on; None: any.
        note: Of the network.

    Raises:
        RunError: The checkpoint is missing, damaged or of other data.
    """
    trained = load_trained(folder)
    checkpoint = trained.checkpoint
    if fingerprint is not None and checkpoint.data_fingerprint != fingerprint:
        raise RunError(
            f"{folder} was trained on other data (fingerprint {checkpoint.data_fingerprint[:12]}, not "
            f"{fingerprint[:12]}): it may have been trained on these test images. Train it on these data"
        )
    return ScoredNetwork(name, checkpoint.key, trained.network, checkpoint.exit_policy, note)


def same_without_exits(folder: Path, given: Path | None, checkpoint: Checkpoint) -> ScoredNetwork | Missing:
    """Return the network without exits: of the folder that is given, else of the checkpoint's own.

    Raises:
        RunError: The folder given holds none.
    """
    if given is not None:
        twin = checkpoint.architecture.without_exits().key()
        name = SAME if read_checkpoint(given).key == twin else OTHER
        return scored_network(given, name, checkpoint.data_fingerprint)
    if not checkpoint.architecture.exit_names:
        return Missing(SAME, "it has no early exits itself")
    own = folder / STATIC
    if not (own / "checkpoint.yaml").is_file():
        return Missing(SAME, "not trained; train it: aebnas train ... --static")
    return scored_network(own, SAME, checkpoint.data_fingerprint)


def best_static(folder: Path, checkpoint: Checkpoint, splits: Splits) -> ScoredNetwork | Missing:
    """Return the candidate without early exits that was most accurate on select in the search.

    Of those that the search trained, where it trained some and others are inherited subnets.  Trained in full
    where the run's ``trained/`` has it, else with the weights of the search.
    """
    run = _run_of(folder, checkpoint)
    if run is None:
        return Missing(BEST, f"the run {checkpoint.run} is not there")
    store = RunStore(run)
    try:
        if store.metadata("data") != checkpoint.data_fingerprint:
            return Missing(BEST, f"the run {run} searched on other data: it may have seen these test images")
        plan = plan_of(store.config)
        done = [evaluation for evaluation in store.evaluations() if evaluation.is_done]
        trained = [evaluation for evaluation in done if plan.named(evaluation.fidelity).trains]
        best = best_alone(trained) or best_alone(done)
        if best is None:
            return Missing(BEST, "none of its candidates is without early exits")
        if best.key == checkpoint.key:
            return Missing(BEST, "this is it")
        full = run / TRAINED / best.key
        if (full / "checkpoint.yaml").is_file():
            return scored_network(full, BEST, checkpoint.data_fingerprint, "trained in full")
        return _with_search_weights(store, best, checkpoint, splits)
    finally:
        store.close()


def _with_search_weights(
    store: RunStore, best: Evaluation, checkpoint: Checkpoint, splits: Splits
) -> ScoredNetwork | Missing:
    path = store.artefacts.weights_path(best.key, best.fidelity)
    config = store.config
    fidelity = plan_of(config).named(best.fidelity)
    untrained = "" if fidelity.trains else f", {fidelity.word}"
    how = "as the search trained it" if fidelity.trains else fidelity.word
    if not path.is_file():
        accuracy = percent(best.metrics(1.0)["accuracy"], 2)
        return Missing(
            BEST,
            f"its weights were not kept ({best.key}, {accuracy} on select in the search"
            f"{untrained}); train it: aebnas train {store.path} --pick {best.key}",
        )
    network = EarlyExitNetwork(
        best.architecture, splits.task, boosting_coefficient=config.training.boosting_coefficient
    )
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # what damaged bytes raise in pickle and zip has no common class
        return Missing(BEST, f"{path} is damaged: {type(error).__name__}")
    epochs = fidelity.epochs if best.epochs is None else best.epochs
    note = f"{how}: {count(epochs, 'epoch')} on train alone" if epochs else how
    return ScoredNetwork(BEST, best.key, network.eval(), never_leave(1), note)


def _run_of(folder: Path, checkpoint: Checkpoint) -> Path | None:
    """Return the run whose folder holds the checkpoint, else the one that it names; None without either."""
    for path in (folder.absolute().parent.parent, Path(checkpoint.run)):
        if has_database(path):
            return path
    return None
