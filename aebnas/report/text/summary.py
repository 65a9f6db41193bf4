"""What a run amounts to in words: headline figures, provenance, and how its search went.

Must not import torch.
"""

from __future__ import annotations

from typing import NamedTuple

from aebnas.config.sections.policies import ThresholdsConfig
from aebnas.evaluation.settings import ExitSettings
from aebnas.exits.policies.configured import configured_target
from aebnas.report.text.training_formatting import (
    ORIGINS,
    candidates_word,
    format_supernet,
    format_training,
    format_weights,
    repeating_supernet,
)
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, duration, interval, limits, metric_name, percent, si


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
    name, weights = candidates_word(run.plan), _weights(run)
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
    name, weights = candidates_word(run.plan), _weights(run)
    items = [SummaryItem("Generations", _generations(run)), SummaryItem(name, ended, _joined(weights, lost))]
    for training in run.finals:
        stay = f"stay {run.plan.fidelities[0].options.before}"
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


def _weights(run: RunContents) -> str:
    """Return how many candidates have which weights, where not all are trained once."""
    return format_weights(run.plan, run.done) if run.plan.finals or not run.plan.are_trainings else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _supernet_time(run: RunContents) -> str:
    """Return what the supernet took before the first candidate, where it was trained for this run."""
    record = run.metadata["supernet"] or {}
    if record.get("origin") != "trained" or record.get("seconds") is None:
        return ""
    return f"; the supernet's {duration(record['seconds'])} come before"


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


def dataset(run: RunContents) -> str:
    """Return the name or the path of the data."""
    data = run.config.data
    name = data.name or data.folder or data.npz or "unknown"
    return name if data.limit is None else f"{name}, limited to {data.limit:,} images"


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
