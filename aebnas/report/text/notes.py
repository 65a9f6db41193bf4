"""What a reader has to know before believing a run's numbers: warnings, and how the numbers came about.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.evaluation.identity import how_trained
from aebnas.report.text.run_status import open_ends
from aebnas.report.text.training_formatting import FINALS_ALONE, candidates_word, format_plans
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, percent
from aebnas.runs.fronts.individuals import advice_on_inherited

OUTDATED_FRONT = "the front is that of the last finished generation"


def warnings(run: RunContents) -> list[str]:
    """Return what a reader has to know before believing the numbers."""
    notes = open_ends(run)
    if not run.generations and run.done:
        notes.append("No generation is finished: the front is that of the candidates finished so far.")
    if run.unreported > 0:
        notes.append(
            f"{count(run.unreported, 'candidate')} finished after the last stored generation, or before "
            f"failures were tried again; {OUTDATED_FRONT}, so they can only be among the grey points."
        )
    if not run.done:
        notes.append("No candidate has finished training: there is no front to show.")
    elif run.nearest_miss is not None:
        notes.append(format_miss(run))
    elif not run.front:
        notes.append(
            "No operating point satisfies all constraints, so the front is empty. The figures show "
            "how far the candidates are from the limits; relax a limit, or widen the space."
        )
        advice = advice_on_inherited(
            run.goals,
            run.plan,
            (point.accuracy for point in run.points if not run.fidelity(point.evaluation).trains),
        )
        notes += [] if advice is None else [advice]
    notes += common_notes(run)
    if run.metadata["not_repeatable"]:
        notes.append(f"This run is not exactly repeatable: {run.metadata['not_repeatable']}.")
    return notes + _data_warnings(run)


def comparison_warnings(runs: Sequence[RunContents]) -> list[str]:
    """Return what forbids or weakens a comparison of these runs."""
    notes = []
    if len({run.metadata["data"] for run in runs}) > 1:
        notes.append(
            "These runs used different data or splits: their accuracies are counted on different images."
        )
    references = {
        (run.config.objectives, tuple(run.generations[-1]["reference"])) for run in runs if run.generations
    }
    if len(references) > 1:
        notes.append(
            "These runs have different objectives or different reference points, "
            "so their hypervolumes cannot be compared."
        )
    if len({how_trained(run.settings) for run in runs}) > 1:
        notes.append("These runs trained their candidates with different settings.")
    return notes


def reading_notes(runs: Sequence[RunContents]) -> list[str]:
    """Return how the numbers came about, and what they do not say."""
    points = sum(len(run.eligible_points) for run in runs)
    return [
        "Accuracy, exit rates and expected MACs are counted on the select split, which trained no weights "
        "and fitted no exit policy; those were fitted on the calibrate split.",
        "Test data were not read: nothing here is a test accuracy.",
        f"The front is the best of {points:,} operating points on the same select images, so its accuracies "
        "are optimistic: expect a little less on new images. The 95% intervals (Wilson) tell the chance in "
        "which images were drawn; they correct neither for that choice nor for the chance in training.",
        "Expected MACs count every exit head that was tried on the way, also where the image did not leave "
        "there.",
        *format_plans([run.plan for run in runs]),
        *([FINALS_ALONE] if any(run.is_front_of_finals for run in runs) else []),
    ]


def format_miss(run: RunContents) -> str:
    """Return by how much the nearest candidate misses the target, and what can be met."""
    nearest = run.nearest_miss
    if nearest is None or nearest.target_check is None:
        return ""
    return f"No candidate reaches the target. The nearest, {nearest.key}: {nearest.target_check['text']}"


def common_notes(run: RunContents) -> list[str]:
    """Return the warnings that the exit fits of all networks of the front share."""
    target_checks = {point.key: point.evaluation.target_check or {} for point in run.front}
    notes = [target_check.get("notes", ()) for target_check in target_checks.values()]
    return [note for note in (notes[0] if notes else ()) if all(note in other for other in notes)]


def _data_warnings(run: RunContents) -> list[str]:
    notes = []
    if run.select_images is None:
        notes.append(
            "labels.npz cannot be read, so the number of select images and the intervals are unknown."
        )
    elif run.select_images < 1000:
        notes.append(
            f"Only {run.select_images:,} images scored the candidates: one image is "
            f"{percent(1 / run.select_images, 2)}, and differences within the intervals may be chance."
        )
    if run.failed and len(run.failed) >= max(2, 0.2 * run.trainings):
        what = candidates_word(run.plan).lower()
        notes.append(f"{len(run.failed):,} of {run.trainings:,} {what} failed; the reasons are below.")
    return notes
