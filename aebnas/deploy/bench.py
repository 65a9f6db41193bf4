"""What early exits really save: latency with and without them, by turns in one run, beside the prediction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.folder import read_samples
from aebnas.deploy.images import Pixels, to_pixels
from aebnas.deploy.level import Level, predicted_reach_ms
from aebnas.deploy.manifest import INT8_FOLDER
from aebnas.deploy.session import EarlyExitSession
from aebnas.deploy.speed import TimedNetwork, mean_ms, rounds_ns
from aebnas.errors import DataError
from aebnas.exits.core.threshold_policy import never_leave

ROUNDS = 8
BATCH = 64
"""Images of one call when throughput is measured."""
EARLY, FULL, STATIC, INT8 = "early exit", "same, always to the last exit", "without exits", "early exit, INT8"


@dataclass(frozen=True)
class Result:
    """One network's latency at batch 1, from prepared input to answer, and its throughput."""

    name: str
    mean_ms: float
    """Over images, of each image's median over the rounds: interruptions by other processes left out."""
    all_calls_ms: float
    """Over all calls, interruptions included."""
    median_ms: float
    p95_ms: float
    p99_ms: float
    exit_rates: tuple[float, ...]
    accuracy: float | None
    """Share of right answers, where labels are known."""
    images_per_second: float
    """In batches of ``BATCH``, of which who has left is dropped."""
    predicted_ms: float | None = None
    """By the hardware profile, with the exit rates of these images, at the machine's level of now."""
    profile_ms: float | None = None
    """The same at the level of the profile's own measurement."""


@dataclass(frozen=True)
class Bench:
    """One measurement of all networks."""

    images: int
    source: str
    """Where the images came from."""
    rounds: int
    threads: int
    prepare_ms: float
    """Resizing and normalising one image; in no latency above."""
    unchanged: float | None
    """Share of stored samples with the class and exit of the export; None for other images."""
    level: float | None
    """Time of the anchor network now / when the profile was made."""
    results: tuple[Result, ...]


@dataclass(frozen=True, eq=False)
class _Images:
    pixels: Pixels
    labels: NDArray[np.int64] | None
    source: str
    answers: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    """Class and exit of each, while exporting."""


def bench(
    folder: Path,
    *,
    images: Sequence[Path] = (),
    static: Path | None = None,
    hardware: Path | None = None,
    rounds: int = ROUNDS,
    threads: int = 1,
) -> Bench:
    """Measure an exported network against itself without early exits.

    Args:
        folder: Of the export; its ``int8`` twin takes part where there is one.
        images: Files to measure on; none: the samples that the export stored.
        static: Export of a network without exits.
        hardware: A profile that predicts.
        rounds: Over all images.
        threads: Threads inside one operator.

    Raises:
        AebnasError: A folder, an image or the profile is wrong.
    """
    session = EarlyExitSession(folder, threads)
    entries = [(EARLY, session), (FULL, EarlyExitSession(folder, threads, never_leave(session.exits)))]
    if static is not None:
        entries.append((STATIC, _static_session(static, threads, session)))
    if (folder / INT8_FOLDER).is_dir():
        entries.append((INT8, EarlyExitSession(folder / INT8_FOLDER, threads)))
    chosen = _files(images, session) if images else _samples(folder, session)
    level = None if hardware is None else Level(hardware, threads)
    timed = [
        TimedNetwork(timed_session.answer, timed_session.prepare_all(chosen.pixels))
        for _, timed_session in entries
    ]
    spent = rounds_ns(timed, rounds, between=(lambda: None) if level is None else level.sample)
    means = mean_ms(spent)
    results = [
        _result(name, timed_session, network, spent[i], means[i], chosen, level)
        for i, ((name, timed_session), network) in enumerate(zip(entries, timed, strict=True))
    ]
    return Bench(
        images=len(chosen.pixels),
        source=chosen.source,
        rounds=rounds,
        threads=threads,
        prepare_ms=_prepare_ms(session, chosen.pixels),
        unchanged=_unchanged(session, timed[0], chosen),
        level=None if level is None else level.ratio,
        results=tuple(results),
    )


def _result(
    name: str,
    session: EarlyExitSession,
    network: TimedNetwork,
    spent: NDArray[np.int64],
    mean: float,
    images: _Images,
    level: Level | None,
) -> Result:
    answers = session.predict_batch(network.inputs)
    rates = np.bincount([answer.exit for answer in answers], minlength=session.exits) / len(answers)
    accuracy = None
    if images.labels is not None:
        accuracy = float(np.mean([answer.class_index for answer in answers] == images.labels))
    predicted = at_profile = None
    if level is not None and name != INT8:
        at_profile = float(rates @ predicted_reach_ms(level.profile, session.manifest))
        predicted = at_profile * level.ratio
    middle, p95, p99 = (float(ms) for ms in np.percentile(spent, (50, 95, 99)) / 1e6)
    return Result(
        name,
        mean,
        float(spent.mean()) / 1e6,
        middle,
        p95,
        p99,
        tuple(rates.tolist()),
        accuracy,
        _images_per_second(session, network),
        predicted,
        at_profile,
    )


def _images_per_second(session: EarlyExitSession, network: TimedNetwork) -> float:
    """Return the throughput of whole batches: the best of some passes, after one to warm up."""
    inputs, best = network.inputs, np.inf
    for _ in range(4):
        started = time.perf_counter()
        for start in range(0, len(inputs), BATCH):
            session.predict_batch(inputs[start : start + BATCH])
        best = min(best, time.perf_counter() - started)
    return len(inputs) / best


def _prepare_ms(session: EarlyExitSession, pixels: Pixels) -> float:
    spent = []
    for image in pixels[:200]:
        started = time.perf_counter()
        session.prepare(image)
        spent.append(time.perf_counter() - started)
    return float(np.median(spent)) * 1e3


def _static_session(folder: Path, threads: int, session: EarlyExitSession) -> EarlyExitSession:
    static = EarlyExitSession(folder, threads)
    if static.exits != 1:
        raise DataError(
            f"{folder}: has {static.exits} exits; --static needs the export of a network without any"
        )
    if static.manifest.shape != session.manifest.shape or static.labels != session.labels:
        raise DataError(f"{folder}: was trained on other images or classes; the comparison would say nothing")
    return static


def _files(paths: Sequence[Path], session: EarlyExitSession) -> _Images:
    pixels = np.stack(
        [to_pixels(path, session.manifest.shape, session.manifest.sixteen_bit_depth) for path in paths]
    )
    return _Images(pixels, None, f"{len(paths)} image files")


def _samples(folder: Path, session: EarlyExitSession) -> _Images:
    arrays = read_samples(folder, session.manifest)
    return _Images(
        arrays["images"],
        arrays["labels"],
        "stored calibrate images",
        (arrays["classes"], arrays["exits"]),
    )


def _unchanged(session: EarlyExitSession, network: TimedNetwork, images: _Images) -> float | None:
    if images.answers is None:
        return None
    answers = [session.answer(x[np.newaxis]) for x in network.inputs]
    classes, exits = images.answers
    same = ([answer.class_index for answer in answers] == classes) & (
        [answer.exit for answer in answers] == exits
    )
    return float(np.mean(same))
