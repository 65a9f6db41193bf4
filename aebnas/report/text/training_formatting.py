"""How candidates came by their weights, in words.  Must not import torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aebnas.config.sections.training import TrainingConfig
from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import CandidateSettings
from aebnas.runs.formatting import count, duration, landmarks

ORIGINS = {"trained": "trained for this run", "known": "the run's own, trained before"}
"""Of a supernet that no other run has trained."""
FINALS_ALONE = (
    "The top-k candidates are trained, and they alone hold the front: the most accurate of many candidates "
    "is mostly the luckiest on the images that score them."
)


def format_plans(plans: Sequence[Plan]) -> list[str]:
    """Return how candidates came by their weights, for every plan."""
    sentences = []
    if any(plan.shares_weights for plan in plans):
        sentences.append(
            "Candidates inherited their weights from one supernet, and each counts with the accuracy of an "
            "inherited subnet, which is mostly less than training gives, unless it was trained further."
        )
    if any(plan.is_frozen for plan in plans):
        sentences.append(
            "Exit branches were trained once each, on the given network as it is, and every candidate that "
            "has one has the same: it counts with the accuracy that they give it, unless it was fine-tuned."
        )
    if any(plan.finals for plan in plans):
        sentences.append(
            "Top-k candidates, trained behind the last generation, stand at its end over the course of the "
            "hypervolume."
        )
    if any(plan.halves for plan in plans):
        sentences.append(
            "With successive halving candidates were trained for different numbers of epochs, and each "
            "counts with the accuracy that it then had: those stopped early would gain from more. "
            "Hypervolume is drawn over what the trainings are worth in full ones, counted in epochs."
        )
    if any(not plan.is_uneven and not plan.shares_weights and not plan.is_frozen for plan in plans):
        sentences.append("Each architecture was trained once, from its own seed.")
    return sentences


def candidates_word(plan: Plan) -> str:
    """Return what evaluated networks are called: trainings, unless some only inherit or are trained twice."""
    return "Trainings" if plan.are_trainings and not plan.finals else "Candidates"


def format_weights(plan: Plan, done: Sequence[Evaluation]) -> str:
    """Return how many candidates have which weights: ``6 trained, 42 as inherited``."""
    names = [fidelity.word for fidelity in reversed(plan.fidelities)]
    counted = Counter(plan.named(evaluation.fidelity).word for evaluation in done)
    return ", ".join(f"{counted[word]:,} {word}" for word in dict.fromkeys(names) if counted[word])


def format_training(settings: CandidateSettings) -> tuple[str, str]:
    """Return how candidates get their weights, and who gets more where not all get the same."""
    plan, size = settings.plan, settings.training.batch_size
    first, *others = plan.of_generations
    notes = [first.options.note()] if first.options.note() else []
    if others:
        shares = list(dict.fromkeys(str(fidelity.keep) for fidelity in others))
        each = f"{shares[0]} goes" if len(shares) == 1 else f"{', then '.join(shares)} go"
        notes.append(f"successive halving: of each generation {each} on at each step")
    for fidelity in plan.finals:
        begun = plan.fidelities[fidelity.level - 1].options.leaves
        epochs = count(fidelity.epochs, "epoch")
        notes.append(f"in the end the best {fidelity.keep:,} {fidelity.word} {epochs} from {begun}")
    *early, last = [str(fidelity.epochs) for fidelity in plan.of_generations if fidelity.trains] or [""]
    epochs = f"{', '.join(early)} or {last} epochs" if early else f"{last} epochs"
    trained = f"{epochs}, batches of {size}{_beginning(settings.training)}{_teacher(settings.training)}"
    if first.trains:
        return trained, "; ".join(notes)
    supernet = f"inherited from a supernet of {count(settings.supernet.supernet.epochs, 'epoch')}"
    return f"{supernet}; {trained}" if last else supernet, "; ".join(notes)


def _beginning(training: TrainingConfig) -> str:
    return "" if training.initial_weights == "random" else f", from {training.initial_weights} weights"


def _teacher(training: TrainingConfig) -> str:
    teacher = training.teacher
    return "" if teacher is None else f", distilled from {Path(teacher.network).name}"


def format_supernet(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a run's supernet came from, and how its training went, as far as that is known.

    Args:
        record: ``origin``, and what ``aebnas.supernet.training_loop`` records; without, its training has not
            ended.
    """
    if "origin" not in record:
        return "its training diverged" if record.get("diverged") else "its training has not ended", ""
    origin, note = ORIGINS.get(record["origin"], f"copied from {record['origin']}"), ""
    if record.get("seconds") is not None:
        by = f" by {record['processes']} processes" if record["processes"] > 1 else ""
        origin += f"; {duration(record['seconds'])} of training on {_device(record)}{by}"
    if record.get("accuracies"):
        step, steps = record.get("looked_at"), record.get("steps")
        when = "at its end" if step == steps else f"at step {step} of {steps}"
        note = f"{when}, accuracy on calibrate by exit: {landmarks(record['accuracies'])}"
    return origin, note


def _device(record: Mapping[str, Any]) -> str:
    """Return what trained a supernet; of a CPU its name, where it was noted."""
    device = str(record["device"])
    return str(record.get("processor", device)) if device == "cpu" else device


def repeating_supernet(record: Mapping[str, Any]) -> str:
    """Return what must be kept of the supernet to repeat a run exactly, as the end of a sentence."""
    if record.get("origin", "trained") not in ORIGINS:
        return f"; with the supernet that was copied from {record['origin']}"
    if record.get("processes", 1) > 1:
        return f"; with a supernet trained by {record['processes']} processes"
    return ""
