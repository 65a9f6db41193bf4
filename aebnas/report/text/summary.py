"""What a run amounts to in words: headline figures, provenance, warnings.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aebnas.config.sections.policies import ThresholdsConfig
from aebnas.evaluation.identity import how_trained
from aebnas.evaluation.settings import ExitSettings
from aebnas.exits.policies.configured import configured_target
from aebnas.report.text.run_status import open_ends
from aebnas.report.text.training_formatting import (
    FINALS_ALONE,
    ORIGINS,
    format_plans,
    format_supernet,
    format_training,
    format_weights,
    repeating_supernet,
)
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, duration, interval, limits, metric_name, percent, si
from aebnas.runs.individuals import advice_on_inherited

OUTDATED_FRONT = "the front is that of the last finished generation"


class SummaryItem(NamedTuple):
    """One headline figure."""

    name: str
    value: str
    note: str = ""


def headline(run: RunContents) -> list[SummaryItem]:
    """Return the figures that a reader wants first."""
    best = max(run.front, key=lambda point: (point.accuracy, -point.metrics["macs"]), default=None)
    time = run.timing
    pauses = f", {count(time.pauses, 'pause')} left out" if time.pauses else ""
    lost = f", {time.lost_attempts:,} cut off before the end" if time.lost_attempts else ""
    why = "no point satisfies all constraints" if run.done else "no candidate has finished"
    items = [
        SummaryItem("Best accuracy on select", "–", why),
        SummaryItem("Pareto front", "0 points"),
    ]
    if best is not None:
        note = (
            f"95%: {interval(best.accuracy, run.select_images)}; at {si(best.metrics['macs'])} expected MACs"
        )
        items[0] = SummaryItem(items[0].name, percent(best.accuracy, 2), note)
        items[1] = SummaryItem(
            "Pareto front", count(len(run.front), "point"), f"of {count(len(run.front_keys), 'architecture')}"
        )
    volume, points = run.hypervolume, count(len(run.points), "operating point")
    name, weights = _candidates(run)
    return [
        *items,
        SummaryItem("Hypervolume", "–" if volume is None else f"{volume:.4f}", f"after {_generations(run)}"),
        SummaryItem(
            name,
            f"{len(run.done):,} done",
            _joined(weights, f"{len(run.failed):,} failed{lost}", f"{points} read off their curves"),
        ),
        SummaryItem(
            "Wall clock", duration(time.wall_s), f"first start to last end{pauses}{_supernet_time(run)}"
        ),
        SummaryItem("Core time", duration(time.core_s), f"{time.core_s:,.0f} core-seconds of training"),
    ]


def provenance(run: RunContents) -> list[SummaryItem]:
    """Return where the numbers come from."""
    config, versions = run.config, run.environment.get("versions", {})
    machine = run.environment.get("machine", {})
    images = ", ".join(f"{name} {number:,}" for name, number in run.images.items()) or "unknown"
    constraints = "; ".join(limits(name, bound) for name, bound in config.constraints.items()) or "none"
    gpus = ", ".join(str(gpu.get("name", gpu)) for gpu in machine.get("gpus", ())) or "no GPU"
    return [
        SummaryItem("Run", run.path.resolve().name, f"search-space file: {config.name}"),
        SummaryItem("Dataset", dataset(run), f"fingerprint {_short(run.metadata['data'])}"),
        SummaryItem("Held-out images", images),
        SummaryItem("Objectives", ", ".join(metric_name(name) for name in config.objectives)),
        SummaryItem("Constraints", constraints),
        SummaryItem(
            "Search", f"{config.search.algorithm}, population {config.search.population}", _generations(run)
        ),
        SummaryItem("Seed", str(config.search.seed), f"split seed {config.data.split_seed}"),
        SummaryItem("Exits", *format_exits(run.settings.exits)),
        SummaryItem("Training", *format_training(run.settings)),
        *(
            [SummaryItem("Supernet", *format_supernet(run.metadata["supernet"]))]
            if run.metadata["supernet"]
            else []
        ),
        SummaryItem("Exactly repeatable", *_repeatable(run)),
        SummaryItem(
            "Versions", ", ".join(f"{name} {version}" for name, version in versions.items()) or "unknown"
        ),
        SummaryItem(
            "Machine", f"{machine.get('processor', 'unknown')}; {gpus}", str(machine.get("system", ""))
        ),
        SummaryItem("Source", _git(run)),
    ]


def progress_summary(run: RunContents) -> list[SummaryItem]:
    """Return what the search asked for, what it trained, and what it was spared."""
    proposals = sum(len(generation["proposed"]) for generation in run.generations)
    text = run.generations[-1]["trainings"] if run.generations else 0
    time = run.timing
    lost = f"{time.lost_attempts:,} cut off before the end" if time.lost_attempts else ""
    ended = f"{len(run.done):,} done, {len(run.failed):,} failed"
    name, weights = _candidates(run)
    items = [SummaryItem("Generations", _generations(run)), SummaryItem(name, ended, _joined(weights, lost))]
    for training in run.finals:
        stay = "stay inherited subnets" if run.inherits else "stay what they were"
        failed = (
            f"{len(training.failed):,} failed, and {stay}; the reasons are below" if training.failed else ""
        )
        items.append(
            SummaryItem(
                "Top-k candidates", f"{len(training.trained):,} of {training.chosen:,} trained", failed
            )
        )
    full = run.generations[-1].get("full_trainings") if run.generations else None
    if full is not None:
        note = f"counted in epochs, of {count(run.plan.full_epochs, 'epoch')} each"
        items.append(SummaryItem("Worth in full trainings", f"{full:.1f}", note))
    if run.generations:
        spared = max(0, proposals - text)
        note = f"{proposals:,} proposals, {spared:,} of them known from before"
        items.append(SummaryItem("Duplicates saved", f"{spared:,}", note))
    items.append(
        SummaryItem("Operating points", f"{len(run.points):,}", "read off the curves, without training")
    )
    if run.workload is not None:
        workers = count(run.workload.workers, "worker")
        busy = f"{percent(run.workload.share)} of the time of {workers}"
        items.append(
            SummaryItem("Busy", busy, "from a training's start to its stored result, pauses left out")
        )
    return items


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


def _candidates(run: RunContents) -> tuple[str, str]:
    """Return what was evaluated, and how many of them were trained where others inherited."""
    return (
        ("Candidates", format_weights(run.plan, run.done))
        if run.inherits or run.plan.finals
        else ("Trainings", "")
    )


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _supernet_time(run: RunContents) -> str:
    """Return what the supernet took before the first candidate, where it was trained for this run."""
    record = run.metadata["supernet"] or {}
    if record.get("origin") != "trained" or record.get("seconds") is None:
        return ""
    return f"; the supernet's {duration(record['seconds'])} come before"


def format_miss(run: RunContents) -> str:
    """Return by how much the nearest candidate misses the target, and what can be met."""
    nearest = run.nearest_miss
    if nearest is None or nearest.target_check is None:
        return ""
    return f"No candidate reaches the target. The nearest, {nearest.key}: {nearest.target_check['text']}"


def common_notes(run: RunContents) -> list[str]:
    """Return what the fits of all networks of the front warn of: a promise that closed every exit, say."""
    target_checks = {point.key: point.evaluation.target_check or {} for point in run.front}
    notes = [target_check.get("notes", ()) for target_check in target_checks.values()]
    return [note for note in (notes[0] if notes else ()) if all(note in other for other in notes)]


def format_exits(settings: ExitSettings) -> tuple[str, str]:
    """Return the exit policy in words, and its target or tuner."""
    exits = settings.exits
    target = configured_target(exits, settings.cost_metric)
    names = ", ".join(name or exits.only.name for name in exits.settings)
    if target is not None:
        return names, f"target: {target.text()}"
    if len(exits.policy) > 1:
        return names, "a gene: the search chose among them"
    policy = exits.only
    if isinstance(policy, ThresholdsConfig):
        return names, f"thresholds by tuner: {policy.tuner.name}"
    return names, "its path of settings"


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


def dataset(run: RunContents) -> str:
    """Return the name or the path of the data."""
    data = run.config.data
    name = data.name or data.folder or data.npz or "unknown"
    return name if data.limit is None else f"{name}, limited to {data.limit:,} images"


def reading(runs: Sequence[RunContents]) -> list[str]:
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
        what = _candidates(run)[0].lower()
        notes.append(f"{len(run.failed):,} of {run.trainings:,} {what} failed; the reasons are below.")
    return notes


def _repeatable(run: RunContents) -> tuple[str, str]:
    reason = run.metadata["not_repeatable"]
    if reason:
        return "no", str(reason)
    how = "same seed, versions, processor and data; on GPUs up to rounding"
    supernet = run.metadata["supernet"] or {}
    if supernet.get("is_mixed") and supernet.get("origin") in ORIGINS:
        what = "devices, processors or numbers of processes"
        return "no", f"different {what} trained its supernet, one after the other"
    how += repeating_supernet(supernet)
    if run.failed:
        return "yes, but for failures", f"{how}; a worker that died may depend on the machine's free memory"
    return "yes", how


def _generations(run: RunContents) -> str:
    done = sum(bool(generation["is_complete"]) for generation in run.generations)
    return f"{done} of {count(run.config.search.generations, 'generation')}"


def _git(run: RunContents) -> str:
    git = run.environment.get("git")
    if not isinstance(git, dict):
        return "no git checkout"
    return (
        f"commit {_short(git.get('commit'))}{', with uncommitted changes' if git.get('has_changes') else ''}"
    )


def _short(digest: object) -> str:
    return "unknown" if digest is None else str(digest)[:12]
