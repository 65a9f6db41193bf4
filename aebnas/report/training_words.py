"""How candidates came by their weights, in words.  Must not import torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.rungs import ladder_of
from aebnas.report.words import count, duration, landmarks

ORIGINS = {"trained": "trained for this run", "known": "the run's own, trained before"}
"""Of a supernet that no other run has trained."""
FINALISTS_ALONE = (
    "The finalists are trained, and they alone hold the front: the most accurate of many heirs is mostly the "
    "luckiest on the images that score them."
)


def mode_words(modes: Collection[str]) -> list[str]:
    """Return how candidates came by their weights, for every mode of evaluation."""
    found = []
    if "supernet" in modes:
        found.append(
            "Candidates inherited their weights from one supernet, and each counts with the accuracy of an "
            "heir, which is mostly less than training gives, unless it was trained further. Finalists, "
            "trained behind the last generation, stand at its end in the course of the hypervolume."
        )
    if "successive_halving" in modes:
        found.append(
            "With successive halving candidates were trained for different numbers of epochs, and each "
            "counts with the accuracy that it then had: those stopped early would gain from more. "
            "Hypervolume is drawn over what the trainings are worth in full ones, counted in epochs."
        )
    if "scratch" in modes:
        found.append("Each architecture was trained once, from its own seed.")
    return found


def heir_words(config: SearchFile) -> str:
    """Return how heirs came by their weights, unlike the finalists that were trained."""
    return "fine-tuned" if config.evaluation.finetune_epochs else "as inherited"


def weights_words(config: SearchFile, done: Sequence[Evaluation]) -> str:
    """Return how many candidates of a supernet are what: ``6 trained, 42 as inherited``."""
    heirs = sum(config.is_heir(one.epochs) for one in done)
    counted = {"trained": len(done) - heirs, heir_words(config): heirs}
    return ", ".join(f"{number:,} {words}" for words, number in counted.items() if number)


def training_words(config: SearchFile) -> tuple[str, str]:
    """Return how long candidates are trained, and who gets more where not all get the same."""
    training, ladder = config.training, ladder_of(config)
    if config.evaluation.mode == "supernet":
        return _inheritance(config)
    if ladder is None:
        return f"{training.epochs} epochs, batches of {training.batch_size}", ""
    rungs = ", ".join(map(str, ladder.rungs[:-1]))
    return (
        f"{rungs} or {ladder.rungs[-1]} epochs, batches of {training.batch_size}",
        f"successive halving: of each generation one in {ladder.eta} goes on at each rung",
    )


def supernet_words(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a run's supernet came from, and how its training went, as far as that is known.

    Args:
        record: ``origin``, and what ``aebnas.supernet.course`` records; without, its training has not ended.
    """
    if "origin" not in record:
        return "its training diverged" if record.get("diverged") else "its training has not ended", ""
    words, note = ORIGINS.get(record["origin"], f"copied from {record['origin']}"), ""
    if record.get("seconds") is not None:
        by = f" by {record['processes']} processes" if record["processes"] > 1 else ""
        words += f"; {duration(record['seconds'])} of training on {_device(record)}{by}"
    if record.get("accuracies"):
        step, steps = record.get("looked_at"), record.get("steps")
        when = "at its end" if step == steps else f"at step {step} of {steps}"
        note = f"{when}, accuracy on calibrate by exit: {landmarks(record['accuracies'])}"
    return words, note


def _device(record: Mapping[str, Any]) -> str:
    """Return what trained a supernet; of a CPU its name, where it was noted."""
    device = str(record["device"])
    return str(record.get("processor", device)) if device == "cpu" else device


def repeating_supernet(record: Mapping[str, Any]) -> str:
    """Return what a run that is to come out the same needs of its supernet, as the end of a sentence."""
    if record.get("origin", "trained") not in ORIGINS:
        return f"; with the supernet that was copied from {record['origin']}"
    if record.get("processes", 1) > 1:
        return f"; with a supernet trained by {record['processes']} processes"
    return ""


def _inheritance(config: SearchFile) -> tuple[str, str]:
    """Return how long the supernet was trained, and what its heirs got further."""
    options, further = config.evaluation, list[str]()
    if options.finetune_epochs:
        what = "" if options.finetune == "all" else ", its early exits alone"
        further.append(f"every heir trained {count(options.finetune_epochs, 'epoch')} further{what}")
    if options.finalists:
        epochs = count(config.training.epochs, "epoch")
        further.append(f"in the end the best {options.finalists:,} trained {epochs} from what they inherited")
    return f"inherited from a supernet of {count(config.supernet.epochs, 'epoch')}", "; ".join(further)
